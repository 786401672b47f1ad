#!/usr/bin/env bash
# Runs the service in the foreground: prepares the data folder, migrates, then serves until a
# SIGTERM or SIGINT asks it to stop (exit code 0) or one of its two processes ends (non-zero, so
# that the platform starts it again; the database makes that harmless).
#
# Runs on bash 3.2 too, which is what macOS has. Uses the `python` of PATH. Settings come from the environment; see docs/settings.md.
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

# shellcheck disable=SC2329  # the trap calls it
request_stop() {
  stop_requested=1
  forward_stop
}

forward_stop() {
  # Either may not have been started yet, or have ended. A whole group at a time: of a gunicorn that
  # was killed, its workers are left.
  for group in $web $supervisor; do
    kill -TERM -- "-$group" 2>/dev/null
  done
}

# Wait until one of the two ends, or a stop is asked for; return the status of what has ended. The
# bash of macOS (3.2) cannot wait for whichever ends first: it looks once a second.
wait_for_first_end() {
  if ((BASH_VERSINFO[0] > 4)); then
    wait -n "$web" "$supervisor"
    return
  fi
  while ((stop_requested == 0)) && kill -0 "$web" && kill -0 "$supervisor"; do
    sleep 1 &
    wait $!
  done
  kill -0 "$web" || wait "$web" || return
  kill -0 "$supervisor" || wait "$supervisor"
}

# As long as running jobs and last words may take; then a process that hangs is killed, with its
# children, so that the platform can start us again. A stopped process, for one, never leaves by
# itself.
wait_for_ends() {
  local group deadline=$((SECONDS + ${SHUTDOWN_GRACE_SECONDS:-30} + 5))
  [[ ${USE_EMBEDDED_REPLICA:-} != [1tTyYoO]* ]] || ((deadline += 10))
  for group in "$web" "$supervisor"; do
    while lives "$group" && ((SECONDS < deadline)); do
      sleep 0.05
    done
    kill -KILL -- "-$group" 2>/dev/null
  done
}

# Whether anybody in a process group still runs. Who has ended is in it until its parent takes note,
# which for an orphan is PID 1: where that is not this script, it may take its time.
lives() {
  kill -0 -- "-$1" 2>/dev/null || return 1
  [[ -r /proc/self/stat ]] || return 0  # not Linux: there the group is all that can be asked
  local entry stat state group
  for entry in /proc/[0-9]*/stat; do
    read -r stat 2>/dev/null <"$entry" || continue  # it has just gone
    read -r state _ group _ <<<"${stat##*) }"  # what follows the name, which may hold anything
    [[ $group != "$1" || $state == [ZX] ]] || return 0
  done
  return 1
}

stop_requested=0 web="" supervisor=""
trap request_stop TERM INT

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

# --- migrate ---

# Makes the folders, checks settings and database, and says in one line what is wrong with them.
python -m alembic upgrade head || exit
((stop_requested == 0)) || exit 0

# gunicorn looks for itself, but by then the supervisor runs.
port=${PORT:-1337}
if (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
  fail "port $port is taken by another program: stop it, or set PORT to a free one."
fi

# --- serve ---

# If this script is killed, its processes are told to stop: nothing of ours stays behind.
tether=(setpriv --pdeathsig TERM)
"${tether[@]}" true 2>/dev/null || tether=()  # expanded so that bash 3.2 takes an empty one

# Each in a process group of its own, so that a Ctrl-C reaches this script alone.
set -m
${tether[@]+"${tether[@]}"} python -m gunicorn -c python:ilios.api.server.gunicorn_conf 'app:create_app()' </dev/null &
web=$!
${tether[@]+"${tether[@]}"} python workers.py </dev/null &
supervisor=$!
set +m
((stop_requested == 0)) || forward_stop  # it came between the check above and the start

wait_for_first_end 2>/dev/null  # bash would say, in its own words, that one was killed
status=$?
if ((stop_requested == 0)); then
  ended="the supervisor"
  kill -0 "$web" 2>/dev/null || ended=gunicorn
  say error process.ended "$ended ended with status $status: stopping the rest."
  forward_stop
fi
wait_for_ends

((stop_requested == 0)) || exit 0
((status != 0)) || status=1
exit "$status"
