"""What pyproject.toml cannot say of the wheel: the migrations, which lie beside the package here.

In the wheel there is the package `ilios` alone, and `alembic/` is inside it. There the scripts are
data that Alembic reads, not modules that anything imports.
"""

from setuptools import find_packages, setup

MIGRATIONS = "ilios.migration.alembic"

setup(
    packages=[*find_packages(include=["ilios*"]), MIGRATIONS, f"{MIGRATIONS}.versions"],
    package_dir={MIGRATIONS: "alembic"},
)
