#!/bin/sh
# Installs Atlas on a fresh Debian 13, or installs a newer one over it. Asks nothing; never overwrites settings.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=''
dry_run=no
atlas_binary=''
litestream_binary=''

usage() {
  cat <<'TEXT'
usage: install.sh [--dry-run] [--root DIR] [--binary FILE] [--litestream FILE]

  --dry-run          say what would be done, and do nothing
  --root DIR         write below DIR; leave this system's packages, users and services alone
  --binary FILE      the atlas binary (otherwise the one built in ../dist)
  --litestream FILE  the Litestream 0.3.13 binary (otherwise the one of ../node_modules)
TEXT
}

main() {
  read_arguments "$@"
  find_binaries
  if [ -z "$root" ]; then require_debian_root; fi
  if [ -z "$root" ]; then install_caddy; fi
  if [ -z "$root" ]; then create_user; fi
  install_files
  write_settings
  if [ -z "$root" ]; then start_services; fi
  say_what_is_left
}

read_arguments() {
  while [ $# -gt 0 ]; do
    case $1 in
      --dry-run) dry_run=yes ;;
      --root | --binary | --litestream)
        [ $# -ge 2 ] || fail "$1 needs a value"
        case $1 in
          --root) root=${2%/} ;;
          --binary) atlas_binary=$2 ;;
          --litestream) litestream_binary=$2 ;;
        esac
        shift
        ;;
      -h | --help)
        usage
        exit 0
        ;;
      *)
        usage >&2
        exit 2
        ;;
    esac
    shift
  done
}

find_binaries() {
  case $(uname -m) in
    x86_64) arch=x64 ;;
    aarch64 | arm64) arch=arm64 ;;
    *) fail "there is no Atlas for $(uname -m)" ;;
  esac
  [ -n "$atlas_binary" ] || atlas_binary=$(first_file "$here/../dist/atlas-linux-$arch" "$here/../dist/atlas")
  [ -n "$litestream_binary" ] || litestream_binary=$(first_file \
    "$here/../node_modules/@flydotio/litestream-linux-$arch/litestream" "$root/usr/local/bin/litestream")
  [ -f "$atlas_binary" ] || fail 'there is no atlas binary: make one (bun run build), or give --binary FILE'
}

first_file() {
  for file in "$@"; do
    if [ -f "$file" ]; then
      echo "$file"
      return
    fi
  done
}

require_debian_root() {
  [ -f /etc/debian_version ] || fail 'this is for Debian'
  [ "$dry_run" = yes ] || [ "$(id -u)" -eq 0 ] || fail 'run this as root'
}

install_caddy() {
  if command -v caddy >/dev/null; then return; fi
  run apt-get update -q
  run env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends caddy ca-certificates
}

create_user() {
  if getent passwd atlas >/dev/null; then return; fi
  run useradd --system --user-group --home-dir /var/lib/atlas --no-create-home --shell /usr/sbin/nologin atlas
}

install_files() {
  run install -d -m 0755 "$root/etc/atlas" "$root/usr/local/bin" "$root/etc/systemd/system/caddy.service.d"
  run install -m 0755 "$atlas_binary" "$root/usr/local/bin/atlas"
  if [ -f "$litestream_binary" ] && [ "$litestream_binary" != "$root/usr/local/bin/litestream" ]; then
    run install -m 0755 "$litestream_binary" "$root/usr/local/bin/litestream"
  fi
  run install -m 0644 "$here/atlas.service" "$here/litestream.service" "$root/etc/systemd/system"
  run install -m 0644 "$here/caddy.service.d/atlas.conf" "$root/etc/systemd/system/caddy.service.d"
  run install -m 0644 "$here/litestream.yml" "$here/../Caddyfile" "$root/etc/atlas"
}

write_settings() {
  if [ ! -e "$root/etc/atlas/address.env" ]; then
    run install -m 0644 "$here/address.env" "$root/etc/atlas"
  fi
  if [ ! -e "$root/etc/atlas/litestream.env" ]; then
    run install -m 0600 "$here/litestream.env" "$root/etc/atlas"
  fi
  if [ -e "$root/etc/atlas/atlas.env" ]; then return; fi
  if [ "$dry_run" = yes ]; then
    echo "+ write $root/etc/atlas/atlas.env (mode 0600) with a new AUTH_SECRET, ENCRYPTION_KEY and SSH key"
  else
    write_atlas_env
  fi
}

# Written under another name first: a half-written file would be kept by the next run. Secrets pass through the
# shell's own printf only, because the arguments of a program are visible to every user.
write_atlas_env() {
  target=$root/etc/atlas/atlas.env
  umask 077
  while IFS= read -r line; do
    case $line in
      AUTH_SECRET= | ENCRYPTION_KEY=) printf '%s%s\n' "$line" "$(head -c 32 /dev/urandom | base64)" ;;
      ATLAS_SSH_PRIVATE_KEY=) printf '%s%s\n' "$line" "$(new_ssh_key)" ;;
      *) printf '%s\n' "$line" ;;
    esac
  done <"$here/atlas.env" >"$target.new"
  mv "$target.new" "$target"
  umask 022
}

# On one line. Empty, to be filled in by hand, where ssh-keygen is missing.
new_ssh_key() {
  if ! command -v ssh-keygen >/dev/null; then return; fi
  folder=$(mktemp -d)
  ssh-keygen -q -t ed25519 -N '' -C atlas -f "$folder/key"
  install -m 0644 "$folder/key.pub" "$root/etc/atlas/ssh.pub"
  awk 'BEGIN { printf "\"" } { printf "%s\\n", $0 } END { printf "\"" }' "$folder/key"
  rm -r "$folder"
}

start_services() {
  run systemctl daemon-reload
  if [ -z "$(unset_in litestream.env)" ] && [ -f /usr/local/bin/litestream ]; then
    run systemctl enable litestream.service
    run systemctl restart litestream.service
  fi
  if [ -n "$(unset_in atlas.env address.env)" ]; then return; fi
  run systemctl enable atlas.service caddy.service
  run systemctl restart atlas.service caddy.service
}

say_what_is_left() {
  if [ "$dry_run" = yes ]; then
    echo 'Nothing was changed.'
    return
  fi
  for file in address.env atlas.env litestream.env; do
    [ -z "$(unset_in "$file")" ] || echo "Fill in $root/etc/atlas/$file: $(unset_in "$file")"
  done
  if [ -n "$(unset_in atlas.env)" ] && [ -f "$root/etc/atlas/ssh.pub" ]; then
    echo "Add this SSH key at Hetzner, and its name as ATLAS_SSH_KEY_ID: $(cat "$root/etc/atlas/ssh.pub")"
  fi
  [ -f "$root/usr/local/bin/litestream" ] || echo 'There is no backup yet: run this again with --litestream FILE.'
  if [ -n "$(unset_in address.env atlas.env litestream.env)" ]; then
    echo 'Then run this again: it starts what is filled in.'
  else
    echo 'Everything is filled in. See how it runs: systemctl status atlas litestream caddy'
  fi
}

# The names in these files that have no value yet. With BLUEPRINTS_DIR, those of the built-in blueprint may stay empty.
unset_in() {
  for name in "$@"; do
    settings=$root/etc/atlas/$name
    [ -f "$settings" ] || settings=$here/$name
    optional='^$^'
    if grep -q '^BLUEPRINTS_DIR=.' "$settings"; then optional='^# What the blueprint'; fi
    sed "/$optional/,/^\$/d" "$settings" | sed -n 's/^\([A-Z0-9_]*\)=$/\1/p' | tr '\n' ' '
  done
}

run() {
  if [ "$dry_run" = yes ]; then
    echo "+ $*"
  else
    "$@"
  fi
}

fail() {
  echo "install.sh: $1" >&2
  exit 1
}

main "$@"
