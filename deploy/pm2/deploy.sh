#!/bin/sh
# Deploys a project to several machines with pm2, one after the other: deploy.sh user@web1 user@web2 …
#
# Each machine has the project in $APP_DIR (default: /srv/app), a clone whose branch is deployed, and its settings in the
# environment of the user. A machine that fails ends the deployment: the others keep their version.
set -eu

dir=${APP_DIR:-/srv/app}
[ $# -gt 0 ] || { echo "usage: $0 user@machine…" >&2; exit 2; }

for machine in "$@"; do
  echo "deploying to $machine"
  # "pm2 reload" checks the project first, and returns when the new processes have served for 2 s.
  ssh "$machine" "cd '$dir' && git pull --ff-only && npm ci --omit=dev && GOPUSH_ENV=production npx gopush pm2 reload"
  # Its push-servers must be back before those of the next machine give their sessions away.
  tries=30
  until ssh "$machine" "cd '$dir' && GOPUSH_ENV=production npx gopush status" >/dev/null; do
    tries=$((tries - 1))
    [ $tries -gt 0 ] || { echo "the cluster is not healthy after $machine; stopped" >&2; exit 1; }
    sleep 2
  done
done
echo "deployed to $# machines"
