#!/bin/sh
# Stands for the agent on a machine of the bench: its folder, then the agent's own argument `<verb> <command-id>`,
# JSON on standard input, JSON lines back. Docker's part of a deploy is a sleep, as long for whoever asks.
set -eu
cd "$1"
verb=${2%% *}
id=${2#* }
case $verb in
  status) cat >/dev/null ;;
  deploy)
    cat >"$id.json"
    echo '{"log":"pulling the image"}'
    sleep 0.2
    sed 's/^{"release":"\([^"]*\)".*/\1/' "$id.json" >release
    echo '{"log":"three healthy answers in a row"}'
    ;;
  *) exit 1 ;;
esac
printf '{"result":{"ready":true,"release":"%s"}}\n' "$(cat release)"
