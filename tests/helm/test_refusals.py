"""Values that cannot work end an installation with one line that says what to do."""

from __future__ import annotations

from typing import Any

import pytest

from tests.helm.chart import SETS, refusal

BOTH = {"value": "one", "existingSecret": "two"}


@pytest.mark.parametrize(
    ("name", "given", "line"),
    [
        ("minimal", {"image": {"repository": ""}}, "image.repository is not set: name where"),
        ("minimal", {"secrets": {"apiKey": BOTH}}, "secrets.apiKey has a value and an"),
        (
            "minimal",
            {"secrets": {"databaseUrl": {"value": ""}}},
            "mode cluster needs secrets.databaseUrl: give the URL",
        ),
        (
            "minimal",
            {"settings": {"S3_BUCKET": ""}},
            "mode cluster needs settings.S3_BUCKET: nodes share",
        ),
        (
            "minimal",
            {"secrets": {"awsSecretAccessKey": {"value": ""}}},
            "settings.S3_BUCKET is set without secrets.awsSecretAccessKey",
        ),
        (
            "minimal",
            {"settings": {"USE_EMBEDDED_REPLICA": True}},
            "mode cluster is not copied to Turso",
        ),
        ("minimal", {"ingress": {"enabled": True}}, "ingress.enabled needs ingress.host"),
        ("ingress", {"ingress": {"tls": {"secretName": ""}}}, "needs ingress.tls.secretName"),
        ("minimal", {"serviceMonitor": {"enabled": True}}, "needs secrets.metricsToken"),
        (
            "keda",
            {"workers": {"keda": {"prometheus": {"serverAddress": ""}}}},
            "needs workers.keda.prometheus.serverAddress",
        ),
        (
            "keda",
            {"workers": {"keda": {"minReplicas": 50}}},
            "workers.keda.maxReplicas is below workers.keda.minReplicas",
        ),
        (
            "keda",
            {"web": {"autoscaling": {"minReplicas": 50}}},
            "web.autoscaling.maxReplicas is below web.autoscaling.minReplicas",
        ),
        (
            "single",
            {"secrets": {"databaseUrl": {"value": "postgresql://x/y"}}},
            "mode single is one pod on SQLite",
        ),
        (
            "single",
            {"web": {"autoscaling": {"enabled": True}}},
            "mode single is one pod, and cannot scale",
        ),
    ],
)
def test_what_cannot_work_is_refused_with_the_remedy(
    name: str, given: dict[str, Any], line: str
) -> None:
    assert line in refusal(SETS[name], given)


@pytest.mark.parametrize(
    ("given", "word"),
    [
        ({"replicas": 3}, "replicas"),
        ({"web": {"replica": 3}}, "replica"),
        ({"web": {"replicas": "three"}}, "replicas"),
        ({"mode": "both"}, "mode"),
        ({"settings": None}, "settings"),
        ({"settings": {"WORKER_CONCURENCY": 8}}, "additional properties 'WORKER_CONCURENCY' not"),
        (
            {"settings": {"API_KEY": "hush"}},
            "'/settings'",
        ),  # else it would stand in the environment
        ({"settings": {"PORT": 80}}, "'/settings'"),
        ({"secrets": {"openaiApiKey": {"value": "hush"}}}, "secrets"),
        ({"secrets": {"apiKey": "hush"}}, "apiKey"),
        ({"image": {"digest": "0123"}}, "digest"),
        ({"web": {"spoolSize": "much"}}, "spoolSize"),
        ({"web": {"preStopSeconds": 0}}, "preStopSeconds"),
    ],
)
def test_a_name_or_a_type_that_is_wrong_is_refused_by_the_schema(
    given: dict[str, Any], word: str
) -> None:
    said = refusal(SETS["minimal"], given)

    assert "values don't meet the specifications of the schema" in said
    assert word in said
    assert "hush" not in said
