#!/usr/bin/env bash
# Runs the service in the foreground: prepares the data folder, then is ilios/launch.py, which
# migrates and serves.
#
# Runs on bash 3.2 too, which is what macOS has. Uses the `python` of PATH. Settings come from the
# environment; see docs/settings.md.
set -uo pipefail
umask 077  # documents are nobody else's; repaired for files of before by the start below

readonly ACCOUNT=ilios ACCOUNT_UID=10001

fail() {
  say critical process.cannot_start "$*"
  exit 1
}

# A line of the log in the shape of all the others: level, event, reason.
say() {
  if [[ ${LOG_FORMAT:-json} == console ]]; then
    echo "ilios: $3" >&2
    return
  fi
  local reason=${3//[[:cntrl:]]/ }
  reason=${reason//\\/\\\\}
  reason=${reason//\"/\\\"}
  printf '{"timestamp":"%s","level":"%s","event":"%s","process":"start","pid":%d,"logger":"start.sh","reason":"%s"}\n' \
    "$(date -u +%FT%TZ)" "$1" "$2" $$ "$reason" >&2
}

absolute() {
  case $1 in
    /*) echo "$1" ;;
    *) echo "$PWD/$1" ;;
  esac
}

# Whether the account that the image drops to is here. Its presence is what tells our image from a
# developer's machine, where root must keep owning ./data; unlike a variable it cannot get lost on
# the way through a platform's configuration, which would leave the service running as root.
account_is_here() {
  [[ $(id -u "$ACCOUNT" 2>/dev/null) == "$ACCOUNT_UID" ]]
}

# Give a folder to the account: whatever lies directly in it, with all below, unless it is the
# account's own. Depth first, so that a tree changes hands last at its top: one whose top is ours
# was finished, and needs no second look however many files it holds.
hand_over() {
  local entry said
  while IFS= read -r -d '' entry; do
    said=$(find "$entry" -xdev -depth ! -uid "$ACCOUNT_UID" \
      -exec chown -h "$ACCOUNT_UID:$ACCOUNT_UID" {} + 2>&1) ||
      fail "$entry cannot be given to user $ACCOUNT_UID (${said##*: }):" \
        "mount it writable, or run chown -R $ACCOUNT_UID $1 on the host."
  done < <(find "$1" -maxdepth 1 ! -uid "$ACCOUNT_UID" -print0)
}

become_account() {
  [[ $DATA_DIR != / ]] || fail "the data folder is /: set DATA_DIR to a folder, for example /data."
  mkdir -p "$DATA_DIR" || fail "the data folder $DATA_DIR cannot be made."
  hand_over "$DATA_DIR"
  HOME=$DATA_DIR exec setpriv --reuid "$ACCOUNT_UID" --regid "$ACCOUNT_UID" --clear-groups \
    --no-new-privs "$0"
}

# --- the data folder ---

if [[ -n ${LOCAL_DB_PATH:-} ]]; then
  LOCAL_DB_PATH=$(absolute "$LOCAL_DB_PATH")
  export LOCAL_DB_PATH
fi
DATA_DIR=$(absolute "${DATA_DIR:-$(dirname "${LOCAL_DB_PATH:-/data/ilios.db}")}")
export DATA_DIR
cd "$(dirname "${BASH_SOURCE[0]}")" || exit

if [[ $EUID -eq 0 ]] && account_is_here; then
  become_account
fi
# Temporary files lie beside the data: a container's own /tmp may be small, or memory.
export TMPDIR=$DATA_DIR/tmp
# Else glibc sets memory aside for each thread, which none of the others can use when it is free.
export MALLOC_ARENA_MAX=${MALLOC_ARENA_MAX:-1}

# Not `-m`: a parser would import the file that was named, and needs none of it.
exec python -c "from ilios.launch import main; main()"
