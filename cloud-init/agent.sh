#!/bin/sh
# Atlas's agent: the one program that Atlas calls on a tenant's server. SSH's forced command hands it
# `<verb> <command-id>` as one argument; a JSON object comes on standard input. It answers in JSON lines:
# any number of {"log":"..."} and at last {"result":{...}} (exit 0) or {"error":{"code":"...","message":"..."}}
# (exit 1). A command's work goes on when the connection breaks, and the same id finds it again.
# Needs a Debian with jq, age, curl, tar, util-linux, coreutils, openssh-client and docker compose.
set -eu
umask 077
export LC_ALL=C

state=${ATLAS_STATE_DIR:-/var/lib/atlas}
ssh_dir=${ATLAS_SSH_DIR:-/etc/ssh}
boot_log=${ATLAS_BOOT_LOG:-/var/log/cloud-init-output.log}
# Where Caddy finds the page for visitors of a stopped app.
holding=${ATLAS_HOLDING_DIR:-/srv/atlas}/index.html
app=$state/app
# Whose compose.yaml and app.env docker compose is handed.
settings=$app
# What backup and restore unpack: gone when the command ends, or when the next one begins.
work=$state/work
next_key=$state/host-key-next/key
input_bytes_max=1048576
input_seconds_max=60
turn_seconds_max=1200
# How long between two looks at an app that is to become healthy.
health_pause_seconds=${ATLAS_HEALTH_PAUSE:-2}
# How long a systemd that tells nothing is given before it is asked again.
systemd_pause_seconds=${ATLAS_SYSTEMD_PAUSE:-5}
# A clock that nobody sets.
uptime=${ATLAS_UPTIME:-/proc/uptime}
# Images are unpacked while the former ones are still there.
free_bytes_min=1073741824
# Docker starts an app that crashed again: so often, and it is broken.
restarts_max=5
# What S3 takes in one PUT.
upload_bytes_max=5368709120
no_app='{"state":"absent","release":null,"digest":null}'
missing_image='An image of this release does not exist, or this server may not read it.'
# What jq takes for the login at a private registry.
login_form='def login: . == null or ((.host | type == "string" and test("\\A[a-z0-9]+([.-][a-z0-9]+)*(:[0-9]{1,5})?\\z"))
  and all(.username, .password; type == "string" and length > 0));'
half_restored='A restore was interrupted: the data is incomplete. Restore once more.'

main() {
  if [ "$#" -eq 2 ] && [ "$1" = --run ]; then
    run "$2"
    return
  fi
  verb=${1%% *}
  id=${1#* }
  check_words "$1"
  mkdir -p "$state/commands" "$app"
  case $verb in
    status | logs) read_now ;;
    *) submit ;;
  esac
}

check_words() {
  case $1 in
    *' '*) ;;
    *) refuse invalid 'A command is a verb and an id.' ;;
  esac
  case $verb in
    status | host-key | settings | start | stop | logs | backup | restore | rotate | deploy | update) ;;
    *) refuse invalid 'This verb is not known.' ;;
  esac
  case $id in
    '' | *[!a-z0-9_-]*) refuse invalid 'A command id has lower case letters, digits, - and _ only.' ;;
  esac
  [ "${#id}" -le 64 ] || refuse invalid 'A command id has at most 64 characters.'
}

# Verbs that only read run anew each time and leave nothing behind.
read_now() {
  if ! command -v jq >/dev/null; then
    [ "$verb" = status ] || refuse unavailable 'The server is still being set up.'
    printf '{"result":{"agent_version":"%s","ready":false,"app":%s,"host_key":"%s"}}\n' \
      "$(version_of "$0")" "$no_app" "$(host_key)"
    return
  fi
  dir=$(mktemp -d)
  trap 'rm -rf "$dir"' EXIT
  read_input
  mv "$dir/input.new" "$dir/input"
  perform
  report
}

# Starts the command's work in a session of its own, unless that happened before, and follows it to its end.
submit() {
  command -v jq >/dev/null || refuse unavailable 'The server is still being set up.'
  dir=$state/commands/$id
  mkdir -p "$dir"
  exec 8>"$dir/admission"
  flock --wait 90 8 || refuse unavailable 'The command is being accepted by another connection.'
  accept
  # The lock passes to the child with the descriptor and is held for as long as the work lives.
  exec 9>"$dir/alive"
  if flock --nonblock 9 && [ ! -e "$dir/result" ]; then
    setsid sh "$0" --run "$id" 8>&- </dev/null >/dev/null 2>&1 &
  fi
  exec 8>&- 9>&-
  follow
}

accept() {
  read_input
  request="$verb $(gist <"$dir/input.new" | sha256sum)"
  if [ ! -e "$dir/request" ]; then
    put_in_place "$dir/input"
    : >"$dir/output"
    printf '%s\n' "$request" >"$dir/request.new"
    put_in_place "$dir/request"
    return
  fi
  rm -f "$dir/input.new"
  [ "$request" = "$(cat "$dir/request")" ] || refuse conflict 'Another command was given under this id.'
}

# What makes two inputs the same command. An Atlas that was changed in the middle of a deploy asks with other settings.
gist() {
  case $verb in
    deploy) jq --sort-keys --compact-output '{release, images, former}' ;;
    *) cat ;;
  esac
}

read_input() {
  timeout "$input_seconds_max" head -c $((input_bytes_max + 1)) >"$dir/input.new" ||
    refuse unavailable 'The input did not arrive in time.'
  [ "$(wc -c <"$dir/input.new")" -le "$input_bytes_max" ] || refuse invalid 'The input is too long.'
  jq --exit-status --slurp 'length == 1 and (.[0] | type) == "object"' "$dir/input.new" >/dev/null 2>&1 ||
    refuse invalid 'The input is not a JSON object.'
}

follow() {
  flock --shared "$dir/alive" true &
  tail --pid="$!" --sleep-interval=0.1 --lines=+1 --follow "$dir/output" 2>/dev/null
  # Interrupted: an answer would use the id up, under which the next connection takes the command up again.
  [ -e "$dir/result" ] || exit 75
  answer=$(cat "$dir/result")
  report
}

# The work itself, in the background: one command at a time on this server.
run() {
  dir=$state/commands/$1
  verb=$(cut -d ' ' -f 1 "$dir/request")
  : >"$dir/output"
  exec 7>"$state/turn"
  if flock --wait "$turn_seconds_max" 7; then
    tidy
    perform
    tidy
    # The next connection takes it up, as after a power cut.
    ! is_undone_by_shutdown || exit 75
  else
    answer='{"error":{"code":"unavailable","message":"Another command has not finished."}}'
  fi
  printf '%s\n' "$answer" >"$dir/result.new"
  put_in_place "$dir/result"
  rm -f "$dir/input"
  find "$state/commands" -mindepth 1 -maxdepth 1 -type d -mtime +30 -exec rm -rf {} +
}

is_undone_by_shutdown() {
  case $answer in '{"result"'*) return 1 ;; esac
  shuts_down
}

# What fails while the machine shuts down may fail by that: Docker and the network end beside the agent. A systemd that
# tells nothing may have ended before it; then this ends too, within the pause.
shuts_down() {
  for _ in 1 2 3 4 5 6; do
    case $(timeout 10 systemctl is-system-running 2>/dev/null) in
      stopping) return 0 ;;
      initializing | starting | running | degraded | maintenance) return 1 ;;
    esac
    sleep "$systemd_pause_seconds"
  done
  return 1
}

# Before a command too: one that a power cut ended has left its things behind.
tidy() {
  [ ! -e "$work" ] || rm -rf "$work"
  case $verb in start | stop) rm -f "$state/woken" ;; esac
  [ -e "$state/woken" ] || return 0
  while read -r service; do compose 180 stop "$service" </dev/null >/dev/null 2>&1 || true; done <"$state/woken"
  rm -f "$state/woken"
}

# Sets `answer` to the verb's last line, whatever happens inside.
perform() {
  set +e
  answer=$(
    set -e
    case $verb in
      status) tell_status ;;
      host-key) change_host_key ;;
      settings) write_settings ;;
      start) start_app ;;
      stop) stop_app ;;
      logs) tell_logs ;;
      backup) backup_app ;;
      restore) restore_app ;;
      rotate) rotate_secrets ;;
      deploy) deploy_app ;;
      update) update_agent ;;
    esac
  )
  set -e
  case $answer in
    '{"result"'* | '{"error"'*) ;;
    *) answer='{"error":{"code":"internal","message":"The agent failed."}}' ;;
  esac
}

report() {
  printf '%s\n' "$answer"
  case $answer in
    '{"result"'*) ;;
    *) exit 1 ;;
  esac
}

tell_status() {
  ready=false
  [ ! -e "$state/ready" ] || ready=true
  app_now=$(app_status) || refuse unavailable 'Docker did not answer.'
  jq --null-input --compact-output --argjson ready "$ready" --argjson app "$app_now" --arg key "$(host_key)" \
    --arg version "$(version_of "$0")" '{result: {agent_version: $version, ready: $ready, app: $app, host_key: $key}}'
}

version_of() {
  sha256sum <"$1" | cut -c 1-12
}

change_host_key() {
  case $(input '.action // "" | strings') in
    prepare) host_key_prepare ;;
    activate) host_key_activate "$(input '.public_key // "" | strings')" ;;
    *) refuse invalid 'The action is prepare or activate.' ;;
  esac
}

host_key_prepare() {
  if [ ! -e "$next_key" ]; then
    rm -rf "$state/host-key-new"
    mkdir "$state/host-key-new"
    ssh-keygen -q -t ed25519 -N '' -C '' -f "$state/host-key-new/key"
    mv "$state/host-key-new" "$state/host-key-next"
  fi
  answer_host_key "$(public_half "$next_key")"
}

host_key_activate() {
  if [ "$1" != "$(host_key)" ]; then
    [ -e "$next_key" ] || refuse conflict 'No host key has been prepared.'
    [ "$1" = "$(public_half "$next_key")" ] || refuse conflict 'This is not the host key that was prepared.'
    cp "$next_key" "$ssh_dir/ssh_host_ed25519_key.new"
    put_in_place "$ssh_dir/ssh_host_ed25519_key"
  fi
  # From here on again after an interruption: the key may be in place without all that follows.
  printf '%s\n' "$1" >"$ssh_dir/ssh_host_ed25519_key.pub"
  chmod 0644 "$ssh_dir/ssh_host_ed25519_key.pub"
  sync "$ssh_dir/ssh_host_ed25519_key" "$ssh_dir"
  timeout 30 systemctl reload ssh.service >/dev/null 2>&1 || refuse unavailable 'sshd could not be reloaded.'
  rm -rf "$state/host-key-next"
  answer_host_key "$1"
}

answer_host_key() {
  jq --null-input --compact-output --arg key "$1" '{result: {public_key: $key}}'
}

# Derived from the private half: the .pub beside it may be older after an interruption.
host_key() {
  public_half "$ssh_dir/ssh_host_ed25519_key"
}

public_half() {
  ssh-keygen -y -P '' -f "$1" | cut -d ' ' -f 1,2
}

write_settings() {
  check_settings
  put_settings "$app"
  sum=$(cat "$app/compose.yaml" "$app/app.env" | sha256sum | cut -d ' ' -f 1)
  printf '{"result":{"sha256":"%s"}}\n' "$sum"
}

put_settings() {
  mkdir -p "$1"
  input '.compose' >"$1/compose.yaml.new"
  jq --raw-output '.env | to_entries[] | "\(.key)=\(.value)"' "$dir/input" >"$1/app.env.new"
  put_in_place "$1/compose.yaml"
  put_in_place "$1/app.env"
}

check_settings() {
  jq --exit-status '
    def has($codes): explode | any(. as $c | $codes | index($c) != null);
    (.compose | type == "string" and length > 0 and (has([0]) | not))
    and (.env | type == "object" and all(.[]; type == "string" and (has([0, 10, 13]) | not)))
    and (.env | keys | all(test("\\A[A-Z][A-Z0-9_]{0,63}\\z")
      and (test("\\A(PATH|HOME|IFS|ENV|SHELL|PWD|RELEASE)\\z|\\A(LD|LC|DOCKER|COMPOSE|ATLAS)_") | not)))
  ' "$dir/input" >/dev/null || refuse invalid 'The settings are malformed.'
}

# Each service hears of its new secret before the app gets it: an interruption in between leaves settings that Atlas
# delivers once more, and a command that is harmless when it runs again.
rotate_secrets() {
  check_settings
  # shellcheck disable=SC2016 # jq's own variables.
  check_parts hooks '.env as $env | all(.hooks[]; .name | in($env))' || refuse invalid 'The hooks are malformed.'
  have_settings || refuse conflict 'The settings have not been delivered.'
  for at in $(places hooks); do
    wake "$(input ".hooks[$at].service")"
    tell_secret "$at" >/dev/null 2>&1 || refuse unavailable 'A service did not take its new secret.'
  done
  write_settings
}

# What the command prints is kept nowhere: an error may quote the secret.
tell_secret() (
  NEW_VALUE=$(input ".env[.hooks[$1].name]")
  export NEW_VALUE
  inside 120 ".hooks[$1]" </dev/null
)

start_app() {
  check_release '(.images == null or (.images | images)) and (.migrate == null or (.migrate | command))
    and (.lives_with | releases)' || refuse invalid 'The release is malformed.'
  release=$(input .release)
  have_settings || refuse conflict 'The settings have not been delivered.'
  [ ! -e "$app/restoring" ] || refuse conflict "$half_restored"
  [ "$(may_return)" = true ] || refuse_return
  printf '%s' "$release" >"$app/release.new"
  put_in_place "$app/release"
  log "Pulling release $release"
  pull_release '' || refuse_pull
  write_digests ''
  # Data that was put back may be older than the release.
  if [ "$(input '.migrate | type')" = object ]; then
    log "Migrating to release $release"
    stream migrate || refuse conflict 'The migration failed. The log says why.'
  fi
  log "Starting release $release"
  stream compose 300 up --detach --remove-orphans || refuse unavailable 'The app could not be started.'
  rm -f "$holding"
  start_front
  app_now=$(app_status) || refuse unavailable 'Docker did not answer.'
  jq --null-input --compact-output --arg release "$release" --argjson app "$app_now" \
    '{result: {release: $release, digest: $app.digest}}'
}

refuse_pull() {
  if is_missing; then refuse not_found "$missing_image"; fi
  refuse unavailable 'The images could not be pulled.'
}

is_missing() {
  grep -qiE 'manifest unknown|not found|denied|unauthorized' "$dir/output"
}

# What a place of the input pins comes by its digest, whatever its tag stands for by now; then what is not here yet.
pull_release() {
  case $(input "$1.images | type") in
    null) stream with_login compose 900 pull ;;
    *) fetch "$1.images" && stream with_login compose 900 pull --policy missing ;;
  esac
}

# Brings the images at a place of the input here, and gives them the names by which compose.yaml calls them.
fetch() {
  mkdir -p "$work"
  images_at "$1" >"$work/images"
  while read -r name pinned; do
    timeout 20 docker image inspect "$pinned" </dev/null >/dev/null 2>&1 ||
      stream with_login timeout --kill-after=10 900 docker pull "$pinned" </dev/null || return 1
    timeout 20 docker tag "$pinned" "$name" </dev/null || return 1
  done <"$work/images"
}

# A line each: the name, and the same image by its digest.
images_at() {
  jq --raw-output "$1"'[]? | "\(.image) \(.image | sub(":[^:/]*$"; ""))@\(.digest)"' "$dir/input"
}

# The digests of what runs from now on, for the status.
write_digests() {
  images_at "$1.images" | cut -d ' ' -f 2 >"$app/digests.new"
  put_in_place "$app/digests"
}

# Runs a command with the registry's login in a folder of docker's own, which is there for as long as this takes.
with_login() (
  if [ "$(input '.registry | type')" = object ]; then
    export DOCKER_CONFIG="$work/login"
    mkdir -p "$DOCKER_CONFIG"
    jq '.registry | {auths: {(if .host | IN("docker.io", "index.docker.io", "registry-1.docker.io")
      then "https://index.docker.io/v1/" else .host end): {auth: ("\(.username):\(.password)" | @base64)}}}' \
      "$dir/input" >"$DOCKER_CONFIG/config.json"
  fi
  code=0
  "$@" || code=$?
  rm -rf "$work/login"
  return "$code"
)

# Pulls while the former release serves, migrates with the new one's image, switches over, and goes back when the app
# does not become healthy, unless the former release could not live with the data any more: then it stays where it is.
# Marks in the command's folder tell it where a power cut has ended it.
deploy_app() {
  check_deploy
  former=$(input .former.release)
  target=$(input .release)
  port=$(input '.health.port // 8080')
  host=$(input '.health.host // ""')
  [ ! -e "$dir/failed" ] || go_back
  if [ ! -e "$dir/switched" ]; then
    bring_up
    prepare_settings
    prepare_release
    pass_return
    : >"$dir/switched"
  fi
  take_settings
  log "Switching to release $target"
  switch_to '' || fail switch 'The app could not be started with the new release.'
  healthy '' || fail health 'The app did not become healthy with the new release.'
  smoke || fail smoke 'The app does not pass its smoke check with the new release.'
  # A former release that could not be started had left it there.
  rm -f "$holding"
  rm -rf "$app/former" "$app/next"
  sweep_images
  app_now=$(app_status) || refuse unavailable 'Docker did not answer.'
  jq --null-input --compact-output --arg release "$target" --argjson app "$app_now" \
    '{result: {release: $release, digest: $app.digest}}'
}

check_deploy() {
  # shellcheck disable=SC2016
  check_release '
    def count($max): type == "number" and . == floor and . >= 1 and . <= $max;
    def look: (.path | type == "string" and test("\\A/[A-Za-z0-9._~/-]{0,200}\\z")) and (.expect_status | count(599));
    (.images | images) and (.former | (.release | release) and (.images | images))
    and (.health | look and (.port // 8080 | count(65535)) and (.answers // 3 | count(10))
      and (.timeout_seconds | count(3600)) and (.host // "a" | test("\\A[a-z0-9][a-z0-9.-]{0,252}(:[0-9]{1,5})?\\z")))
    and (.smoke == null or (.smoke | look and (.contains == null or (.contains
      | type == "string" and length > 0 and (test("[\\x00\\n\\r]") | not)))))
    and (.migrate == null or (.migrate | command)) and (.lives_with | releases)
    and (.no_return == null or (.no_return | release)) and (.passes | releases)' ||
    refuse invalid 'The input is malformed.'
  [ "$(input '.compose | type')" = null ] || check_settings
  have_settings || refuse conflict 'The settings have not been delivered.'
  [ -e "$app/release" ] || refuse conflict 'The app has never been started.'
  [ ! -e "$app/restoring" ] || refuse conflict "$half_restored"
  [ "$(may_return)" = true ] || [ "$(has_mark .passes)" = true ] || refuse_return
}

# After a power cut Docker is still starting what the migration needs. What does not become well is left to the migration.
bring_up() {
  deps=--no-deps
  [ "$(input '.migrate | type')" = object ] || return 0
  # The former release is not started again on data that it can not live with: the migration starts what it needs.
  [ "$(may_return)" = true ] || { deps=''; return 0; }
  target=$(cat "$app/release")
  compose 120 up --wait --wait-timeout 60 --no-recreate --pull never </dev/null >/dev/null 2>&1 || true
  target=$(input .release)
}

# The new release's settings wait beside those that are in force, of which a copy is kept for the way back.
prepare_settings() {
  rm -rf "$app/next" "$app/former"
  [ "$(input '.compose | type')" != null ] || return 0
  mkdir "$app/former"
  cp --preserve "$app/compose.yaml" "$app/app.env" "$app/former"
  put_settings "$app/next"
  settings=$app/next
}

take_settings() {
  settings=$app
  for file in compose.yaml app.env; do
    [ ! -e "$app/next/$file" ] || mv "$app/next/$file" "$app/$file"
  done
}

give_settings_back() {
  for file in compose.yaml app.env; do
    [ -e "$app/former/$file" ] || continue
    cp --preserve "$app/former/$file" "$app/$file.new"
    put_in_place "$app/$file"
  done
}

# Until its end the former release serves, and nothing has to be taken back.
prepare_release() {
  # Releases that failed before have left their images.
  has_space || sweep_images
  has_space || keep space conflict 'There is not enough room on the disk for the new images.'
  log "Pulling release $target"
  pull_release '' || keep_pull
  [ "$(input '.migrate | type')" = object ] || return 0
  pass_return
  log "Migrating to release $target"
  stream migrate ${deps:+"$deps"} || keep migrate conflict 'The migration failed. The log says why.'
}

# From here on no release from before the one named may be started on the data. The mark stays with the data, as
# nobody may have heard how the deploy ended.
pass_return() {
  [ "$(input '.no_return != null')" = true ] || return 0
  input .no_return >"$app/no-return.new"
  put_in_place "$app/no-return"
}

has_space() {
  folder=$(timeout 20 docker info --format '{{.DockerRootDir}}') || return 0
  free=$(df --output=avail --block-size=1 "$folder" | tail -n 1) || return 0
  [ "$free" -ge "$free_bytes_min" ]
}

keep_pull() {
  if grep -qi 'no space left on device' "$dir/output"; then keep space conflict 'The disk is full.'; fi
  if is_missing; then keep pull not_found "$missing_image"; fi
  keep pull unavailable 'The images could not be pulled.'
}

# One that a power cut has left behind must not work beside this one. Takes further options of `docker compose run`.
migrate() {
  timeout 60 docker rm --force app-migration </dev/null >/dev/null 2>&1 || true
  eval "set -- $* --no-TTY --name app-migration $(jq -r '[.migrate.service] + .migrate.command | @sh' "$dir/input")"
  code=0
  compose 3600 run --rm "$@" </dev/null || code=$?
  timeout 60 docker rm --force app-migration </dev/null >/dev/null 2>&1 || true
  return "$code"
}

# Starts the app as a place of the input has it. An app that already runs like that is left alone.
switch_to() {
  printf '%s' "$target" >"$app/release.new"
  put_in_place "$app/release"
  write_digests "$1"
  stream compose 300 up --detach --remove-orphans --pull never
}

# Whether the app answers well so many times in a row, each time from the same container that runs what is wanted.
healthy() {
  wanted=$(wanted_at "$1")
  path=$(input .health.path)
  status=$(input .health.expect_status)
  enough=$(input '.health.answers // 3')
  before=''
  streak=0
  # A container that is left as it was may have crashed now and then in the months before.
  restarted=$(restarts) || restarted=0
  deadline=$(($(uptime_seconds) + $(input .health.timeout_seconds)))
  while [ "$(uptime_seconds)" -lt "$deadline" ]; do
    serving=$(serving_app) || serving=''
    [ -n "$serving" ] && [ "$serving" = "$before" ] || streak=0
    before=$serving
    if [ -n "$serving" ] && answers "$path" "$status" /dev/null; then streak=$((streak + 1)); else streak=0; fi
    [ "$streak" -lt "$enough" ] || return 0
    if crashes; then
      log 'The app crashes again and again'
      return 1
    fi
    sleep "$health_pause_seconds"
  done
  [ -n "$serving" ] || log 'What runs is not the release that is wanted'
  return 1
}

# The images at a place of the input, by name, with the ids that they have here.
wanted_at() {
  images_at "$1.images" | while read -r name pinned; do
    id=$(timeout 20 docker image inspect --format '{{.Id}}' "$pinned" </dev/null) || id=gone
    jq --null-input --compact-output --arg name "$name" --arg id "$id" '{($name): $id}'
  done | jq --slurp --compact-output 'add // {}'
}

# The containers that run as `app` and since when; nothing unless every image that is wanted runs, and at its digest.
serving_app() {
  containers=$(timeout 20 docker ps --quiet --no-trunc --filter label=com.docker.compose.project=app \
    --filter label=com.docker.compose.oneoff=False) || return 1
  [ -n "$containers" ] || return 0
  # shellcheck disable=SC2086 # A word each.
  timeout 20 docker inspect $containers | jq --raw-output --argjson wanted "$wanted" --arg release "$target" '. as $all
    | if all($wanted | to_entries[]; . as $image | [$all[] | select(.Config.Image == $image.key)]
        | length > 0 and all(.[]; .Image == $image.value))
      then $all[] | select(.Config.Labels | .["com.docker.compose.service"] == "app"
          and (.["atlas.release"] // $release) == $release)
        | select(.State | .Status == "running" and .Health.Status != "unhealthy") | "\(.Id) \(.State.StartedAt)"
      else empty end'
}

# Whether the app answers a path with a status within seconds; what it says goes into a file.
answers() {
  code=$(timeout 20 curl --silent --noproxy '*' --max-time 10 --max-filesize 1048576 --output "$3" \
    --write-out '%{http_code}' --header "Host: ${host:-127.0.0.1:$port}" "http://127.0.0.1:$port$1") || return 1
  [ "$code" = "$2" ]
}

restarts() {
  container=$(app_containers | head -n 1)
  [ -n "$container" ] || { echo 0; return; }
  timeout 20 docker inspect "$container" | jq '.[0].RestartCount // 0'
}

crashes() {
  container=$(app_containers | head -n 1)
  [ -n "$container" ] || return 1
  timeout 20 docker inspect "$container" | jq --exit-status --argjson max $((${restarted:-0} + restarts_max)) \
    '.[0] | .RestartCount >= $max or (.State.Status | IN("exited", "dead"))' >/dev/null
}

uptime_seconds() {
  cut -d . -f 1 "$uptime"
}

smoke() {
  [ "$(input '.smoke | type')" = object ] || return 0
  mkdir -p "$work"
  path=$(input .smoke.path)
  status=$(input .smoke.expect_status)
  words=$(input '.smoke.contains // ""')
  for _ in 1 2 3; do
    rm -f "$work/page"
    if answers "$path" "$status" "$work/page" && says_so; then return 0; fi
    sleep "$health_pause_seconds"
  done
  return 1
}

says_so() {
  [ -z "$words" ] || grep --quiet --text --fixed-strings --regexp "$words" "$work/page"
}

# The app's own last words.
tell_app() {
  stream compose 60 logs --no-color --no-log-prefix --tail 60 app || true
}

# Ends a deploy that has switched nothing yet. The former release is well, unless its data was migrated for good.
keep() {
  rm -rf "$app/next" "$app/former"
  tell_failure "$@" | jq --compact-output --argjson back "$(may_return)" '{error: (. + {back: $back})}'
  exit 1
}

# Whether the release to start, or to go back to, lives with what was done to the data.
may_return() {
  if [ -e "$app/no-return" ]; then has_mark .lives_with; else echo true; fi
}

has_mark() {
  jq --rawfile mark "$app/no-return" "$1 // [] | any(. == \$mark)" "$dir/input"
}

refuse_return() {
  jq --null-input --compact-output --rawfile mark "$app/no-return" '
    "Release \($mark) has changed the data for good, and what is to be started is from before it. " as $why
    | "Deploy \($mark) or a later release, or restore a backup from before it." as $instead
    | {error: {code: "conflict", message: ($why + $instead), part: "no-return"}}'
  exit 1
}

# Ends a deploy that has: the reason is kept, as a power cut may end the way back too.
fail() {
  ! shuts_down || exit 1
  tell_app
  tell_failure "$1" conflict "$2" >"$dir/failed.new"
  put_in_place "$dir/failed"
  go_back
}

tell_failure() {
  tail --lines=100 "$dir/output" | jq --slurp --compact-output --arg part "$1" --arg code "$2" --arg message "$3" \
    '{code: $code, message: $message, part: $part, log: map(.log[0:400])}'
}

# The former release's images are here still, unless somebody has removed them.
go_back() {
  back=false
  if [ "$(may_return)" = true ]; then
    target=$former
    give_settings_back
    log "Going back to release $former"
    pull_release .former || log 'Not all of its images are here'
    if switch_to .former && healthy .former; then back=true; else tell_app; fi
  fi
  ! shuts_down || exit 1
  rm -rf "$app/former" "$app/next"
  jq --compact-output --argjson back "$back" '{error: (. + {back: $back})}' "$dir/failed"
  exit 1
}

# The release that runs and the one to go back to stay on the disk, older ones do not.
sweep_images() {
  repositories=$(images_at .images | sed 's/.* //; s/@.*//' | sort -u)
  kept=$({ images_at .images && images_at .former.images; } | cut -d ' ' -f 2)
  for repository in $repositories; do kept="$kept $repository:$former"; done
  ids=$(for image in $kept; do timeout 20 docker image inspect --format '{{.Id}}' "$image" 2>/dev/null || true; done)
  for repository in $repositories; do
    for image in $(timeout 20 docker image ls --quiet --no-trunc "$repository"); do
      case $ids in *"$image"*) ;; *) timeout 60 docker image rm "$image" >/dev/null 2>&1 || true ;; esac
    done
  done
}

# The former one stays beside the new one, which has to work before it takes its place.
update_agent() {
  input '.script // "" | strings' >"$0.new"
  [ "$(sha256sum <"$0.new" | cut -d ' ' -f 1)" = "$(input '.script_sha256 // ""')" ] ||
    refuse invalid 'The script is not what its digest says.'
  chmod --reference "$0" "$0.new"
  sh -n "$0.new" >/dev/null 2>&1 || refuse invalid 'The script is no shell script.'
  printf '{}' | timeout 60 sh "$0.new" 'status update' 2>/dev/null | grep --quiet '^{"result":{' ||
    refuse conflict 'The new agent does not answer; the former one stays.'
  cmp --quiet "$0" "$0.new" || cp --preserve "$0" "$0.former"
  put_in_place "$0"
  sync "${0%/*}"
  printf '{"result":{"agent_version":"%s"}}\n' "$(version_of "$0")"
}

# A front that asks for a certificate before the name points here is told to wait for hours: so it starts last.
start_front() {
  timeout 30 systemctl cat caddy.service >/dev/null 2>&1 || return 0
  timeout 60 systemctl enable --now caddy.service >/dev/null 2>&1 || refuse unavailable 'Caddy could not be started.'
}

stop_app() {
  case $(input '.holding | type') in
    null) rm -f "$holding" ;;
    *) write_holding ;;
  esac
  if have_settings && [ -e "$app/release" ]; then
    stream compose 180 stop || refuse unavailable 'The app could not be stopped.'
  fi
  echo '{"result":{}}'
}

write_holding() {
  jq --exit-status '.holding | all(.title, .message; type == "string" and length > 0 and length <= 2000)' \
    "$dir/input" >/dev/null 2>&1 || refuse invalid 'The holding page is malformed.'
  mkdir -p "${holding%/*}"
  chmod 0755 "${holding%/*}"
  jq --raw-output '.holding | "<!doctype html><html><meta charset=utf-8>"
    + "<meta name=viewport content=\"width=device-width, initial-scale=1\"><title>\(.title | @html)</title>"
    + "<style>body{display:grid;place-content:center;min-height:90vh;margin:0 auto;padding:1rem;max-width:34rem;"
    + "font:1.1rem/1.6 system-ui,sans-serif;color-scheme:light dark}</style>"
    + "<h1>\(.title | @html)</h1><p>\(.message | @html)</p></html>"' "$dir/input" >"$holding.new"
  chmod 0644 "$holding.new"
  mv "$holding.new" "$holding"
}

# Dumps and volumes as one tar, encrypted to `recipient`, in one PUT. Interrupted, it begins anew.
backup_app() {
  check_transfer dumps '(.upload_url | address) and (.recipient | test("\\Aage1[a-z0-9]{58}\\z"))'
  [ -e "$app/release" ] || refuse conflict 'The app has never been started.'
  [ ! -e "$app/restoring" ] || refuse conflict "$half_restored"
  mkdir -p "$work/dumps" "$work/marks"
  [ ! -e "$app/no-return" ] || cp "$app/no-return" "$work/marks"
  for at in $(places dumps); do
    name=$(input ".dumps[$at].name")
    wake "$(input ".dumps[$at].service")"
    log "Dumping $name"
    stream dump "$at" "$name" || refuse unavailable 'A dump failed. The log says why.'
  done
  log 'Packing and encrypting'
  pack || refuse unavailable 'The backup could not be packed. Is the disk full?'
  rm -rf "$work/dumps"
  size=$(stat --format %s "$work/backup.age")
  [ "$size" -le "$upload_bytes_max" ] || refuse conflict 'The backup is larger than the 5 GiB of one upload.'
  sum=$(sha256sum <"$work/backup.age" | cut -d ' ' -f 1)
  log "Uploading $size bytes"
  carry .upload_url --upload-file "$work/backup.age" --output /dev/null >/dev/null ||
    refuse unavailable 'The backup could not be uploaded.'
  printf '{"result":{"size_bytes":%s,"sha256":"%s"}}\n' "$size" "$sum"
}

dump() {
  inside 3600 ".dumps[$1]" </dev/null >"$work/dumps/$2"
}

pack() {
  set -- --create --numeric-owner --directory "$work" dumps marks
  for at in $(places volumes); do
    name=$(input ".volumes[$at]")
    folder=$(volume_folder "$name")
    [ -d "$folder" ] || refuse conflict 'A volume does not exist.'
    set -- "$@" --transform "s,^${folder#/},volumes/$name,S" --directory / "${folder#/}"
  done
  {
    # 1: a file changed while it was read, as the files of a running app do.
    timeout 3600 tar "$@" || [ "$?" -eq 1 ] || : >"$work/incomplete"
  } | timeout 3600 age --encrypt --recipient "$(input .recipient)" --output "$work/backup.age" &&
    [ ! -e "$work/incomplete" ]
}

# Nothing is touched before the whole backup lies here, verified and unpacked. From then until its end a mark keeps the
# app from being started on half of the data; interrupted, it begins anew.
restore_app() {
  check_transfer restores '(.download_url | address) and (.identity | test("\\AAGE-SECRET-KEY-1[A-Z0-9]{58}\\z"))
    and (.sha256 | test("\\A[0-9a-f]{64}\\z"))'
  mkdir -p "$work/plain"
  log 'Downloading'
  code=$(carry .download_url --output "$work/backup.age" --write-out '%{http_code}') || case $code in
    404) refuse not_found 'There is no backup at this address.' ;;
    *) refuse unavailable 'The backup could not be downloaded.' ;;
  esac
  [ "$(sha256sum <"$work/backup.age" | cut -d ' ' -f 1)" = "$(input .sha256)" ] ||
    refuse conflict 'This is not the backup that was expected; nothing was changed.'
  log 'Decrypting'
  unpack || refuse conflict 'The backup does not open with this key; nothing was changed.'
  has_parts || refuse conflict 'The backup lacks what is to be restored; nothing was changed.'
  : >"$app/restoring"
  stream compose 180 stop || refuse unavailable 'The app could not be stopped.'
  for at in $(places volumes); do replace_volume "$(input ".volumes[$at]")"; done
  for at in $(places restores); do
    name=$(input ".restores[$at].name")
    wake "$(input ".restores[$at].service")"
    log "Restoring $name"
    stream put_back "$at" "$name" || refuse unavailable 'A restore failed. The log says why.'
  done
  take_mark
  rm -f "$app/restoring"
  echo '{"result":{}}'
}

# What the data went through before it was copied; of what the former data went through nothing is left.
take_mark() {
  [ -e "$work/plain/marks/no-return" ] || { rm -f "$app/no-return"; return; }
  cp "$work/plain/marks/no-return" "$app/no-return.new"
  put_in_place "$app/no-return"
}

put_back() {
  inside 3600 ".restores[$1]" <"$work/plain/dumps/$2"
}

unpack() {
  {
    # The identity comes on standard input: as an argument anybody on the server could see it.
    input .identity | timeout 3600 age --decrypt --identity - "$work/backup.age" 2>/dev/null || : >"$work/incomplete"
  } | timeout 3600 tar --extract --preserve-permissions --numeric-owner --directory "$work/plain" 2>/dev/null &&
    [ ! -e "$work/incomplete" ] && rm -f "$work/backup.age"
}

has_parts() {
  for at in $(places restores); do [ -f "$work/plain/dumps/$(input ".restores[$at].name")" ] || return 1; done
  for at in $(places volumes); do [ -d "$work/plain/volumes/$(input ".volumes[$at]")" ] || return 1; done
}

replace_volume() {
  log "Replacing volume $1"
  folder=$(volume_folder "$1")
  if [ ! -d "$folder" ]; then
    timeout 60 docker volume create --label com.docker.compose.project=app --label "com.docker.compose.volume=$1" \
      "app_$1" >/dev/null || refuse unavailable 'A volume could not be made.'
    folder=$(volume_folder "$1")
  fi
  [ -d "$folder" ] || refuse unavailable 'Docker did not answer.'
  find "$folder" -mindepth 1 -delete
  find "$work/plain/volumes/$1" -mindepth 1 -maxdepth 1 -exec mv --target-directory "$folder" {} +
  chown --reference "$work/plain/volumes/$1" "$folder"
  chmod --reference "$work/plain/volumes/$1" "$folder"
}

# The folder of a volume, or nothing when there is no such volume.
volume_folder() {
  volume=$(timeout 20 docker volume ls --quiet --filter label=com.docker.compose.project=app \
    --filter "label=com.docker.compose.volume=$1" | head -n 1)
  [ -z "$volume" ] || timeout 20 docker volume inspect --format '{{.Mountpoint}}' "$volume"
}

check_transfer() {
  # shellcheck disable=SC2016
  check_parts "$1" '.[$list] + .volumes != [] and '"$2" || refuse invalid 'The input is malformed.'
  have_settings || refuse conflict 'The settings have not been delivered.'
}

# Whether a list of commands for services, the names of volumes, and whatever else is said in jq are as they have to be.
check_parts() {
  jq --exit-status --arg list "$1" "$login_form"'
    def name: test("\\A[A-Za-z0-9][A-Za-z0-9_.-]{0,63}\\z");
    def address: test("\\Ahttps?://[^\\s\"\\\\]{1,4000}\\z");
    (.registry | login) and (.volumes // [] | type == "array" and all(.[]; name))
    and (.[$list] | type == "array" and all(.[]; (.name | name) and (.service | name) and (.command
      | type == "array" and length > 0 and all(.[]; type == "string" and length > 0 and (explode | index(0) == null)))))
    and ('"$2"')' "$dir/input" >/dev/null 2>&1
}

# Whether the release and whatever else is said in jq are as they have to be.
check_release() {
  jq --exit-status "$login_form"'
    def release: type == "string" and test("\\A[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}\\z");
    def releases: . == null or (type == "array" and all(.[]; release));
    def images: type == "array" and length <= 20 and all(.[];
      (.image | type == "string" and test("\\A[a-z0-9][a-z0-9._/:-]{0,250}:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}\\z"))
      and (.digest | type == "string" and test("\\Asha256:[0-9a-f]{64}\\z")));
    def command: (.service | type == "string" and test("\\A[A-Za-z0-9][A-Za-z0-9_.-]{0,63}\\z")) and (.command
      | type == "array" and length > 0 and all(.[]; type == "string" and length > 0 and (explode | index(0) == null)));
    (.release | release) and (.registry | login) and ('"$1"')' "$dir/input" >/dev/null 2>&1
}

# The indices of a list of the input.
places() {
  jq --raw-output --arg list "$1" '.[$list] | keys[]' "$dir/input"
}

# Sees to it that a service runs; one that did not run before is stopped when the command is over.
wake() {
  [ -z "$(running_container "$1")" ] || return 0
  printf '%s\n' "$1" >>"$state/woken"
  stream with_login compose 900 up --detach --wait --no-deps "$1" || refuse unavailable 'A service could not be started.'
}

# Runs the command that stands at a place of the input in its service's container, for at most the given seconds.
inside() {
  limit=$1
  container=$(running_container "$(input "$2.service")")
  [ -n "$container" ] || return 1
  eval "set -- $(jq --raw-output "$2.command | @sh" "$dir/input")"
  timeout --kill-after=10 "$limit" docker exec --interactive --env NEW_VALUE "$container" "$@"
}

running_container() {
  timeout 20 docker ps --quiet --no-trunc --filter label=com.docker.compose.project=app \
    --filter label=com.docker.compose.oneoff=False --filter "label=com.docker.compose.service=$1" | head -n 1
}

# curl to the address at a place of the input, which it reads from standard input: it is a key to the storage.
carry() {
  place=$1
  shift
  printf 'url = "%s"\n' "$(input "$place")" | timeout 7200 curl --config - --silent --fail --connect-timeout 30 \
    --speed-limit 1024 --speed-time 120 --retry 3 --retry-max-time 600 "$@"
}

tell_logs() {
  count=$(input '.lines | numbers | select(. == floor and . >= 1 and . <= 1000)')
  [ -n "$count" ] || refuse invalid 'Lines is a whole number from 1 to 1000.'
  {
    if [ -e "$boot_log" ]; then tail --lines="$count" "$boot_log"; fi
    if have_settings && [ -e "$app/release" ]; then
      compose 60 logs --no-color --tail "$count" 2>&1 || true
    fi
  } | jq --raw-input --slurp --compact-output \
    '{result: {lines: (split("\n") | map(select(. != "") | .[0:2000]))}}'
}

# The state, release and digest of the service `app`.
app_status() {
  containers=$(app_containers) || return 1
  container=$(printf '%s\n' "$containers" | head -n 1)
  if [ -z "$container" ]; then
    echo "$no_app"
    return
  fi
  about=$(timeout 20 docker inspect "$container") || return 1
  image=$(printf '%s' "$about" | jq --raw-output '.[0].Image')
  digests=$(timeout 20 docker image inspect --format '{{join .RepoDigests "\n"}}' "$image") || digests=''
  # An image may be known by several: the one that was asked for comes first.
  digest=$(printf '%s\n' "$digests" | grep -xF -f "$app/digests" 2>/dev/null | head -n 1)
  [ -n "$digest" ] || digest=$(printf '%s\n' "$digests" | head -n 1)
  printf '%s' "$about" | jq --compact-output --arg digest "${digest##*@}" '.[0] | {
    state: (.State as $s | {
      created: "starting", restarting: "failed", removing: "stopped", paused: "stopped", dead: "failed",
      running: ({starting: "starting", unhealthy: "failed"}[$s.Health.Status // ""] // "running"),
      exited: (if [0, 137, 143] | index($s.ExitCode) then "stopped" else "failed" end)
    }[$s.Status] // "failed"),
    release: (.Config.Labels["atlas.release"] // null),
    digest: (if $digest == "" then .Image else $digest end)
  }'
}

app_containers() {
  command -v docker >/dev/null || return 0
  timeout 20 docker ps --all --quiet --no-trunc --filter label=com.docker.compose.project=app \
    --filter label=com.docker.compose.oneoff=False --filter label=com.docker.compose.service=app 2>/dev/null
}

have_settings() {
  [ -e "$app/compose.yaml" ] && [ -e "$app/app.env" ]
}

# docker compose with the settings as its environment, for at most the given seconds. Compose's own reader of
# env files changes quotes, dollars and backslashes on the way; the environment does not.
compose() (
  limit=$1
  shift
  # A restore into a new server comes before its first start; what it needs of compose.yaml has no release.
  RELEASE=${target:-$(cat "$app/release" 2>/dev/null || echo none)}
  export RELEASE
  while IFS= read -r line; do export "${line?}"; done <"$settings/app.env"
  exec timeout --kill-after=10 "$limit" docker compose --ansi never --progress plain \
    --project-name app --project-directory "$app" --file "$settings/compose.yaml" "$@"
)

# Runs a command whose printed lines become log lines, and keeps its exit code.
stream() {
  {
    if "$@" 2>&1; then echo 0 >"$dir/code"; else echo "$?" >"$dir/code"; fi
  } | jq --raw-input --compact-output --unbuffered 'select(input_line_number <= 2000) | {log: .[0:1000]}' \
    >>"$dir/output"
  return "$(cat "$dir/code")"
}

log() {
  jq --null-input --compact-output --arg line "$1" '{log: $line}' >>"$dir/output"
}

# One value of the input, byte for byte; nothing when the filter gives nothing.
input() {
  jq --raw-output --join-output "$1" "$dir/input"
}

# Gives what was written to a file with .new its name, once it is on the disk: a power cut would leave the name alone.
put_in_place() {
  sync "$1.new"
  mv "$1.new" "$1"
}

# Messages are constants of this file without quotes or backslashes, so that this works before jq is there.
refuse() {
  printf '{"error":{"code":"%s","message":"%s"}}\n' "$1" "$2"
  exit 1
}

main "${1-}" ${2+"$2"}
