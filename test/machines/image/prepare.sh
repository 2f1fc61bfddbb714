#!/bin/sh
# Makes a Debian tree ($1) what a cloud's image is: nobody's yet, and waiting for its first user-data.
set -eu
root=$1
rm -f "$root"/etc/ssh/ssh_host_* "$root/etc/resolv.conf" "$root/etc/hostname"
: >"$root/etc/machine-id"
mkdir -p "$root/var/lib/cloud/seed/nocloud"
cat >"$root/etc/cloud/cloud.cfg.d/90-machine.cfg" <<'EOF'
datasource_list: [NoCloud, None]
network: {config: disabled}
locale: false
EOF
# What has no hardware to look after here, or would only cost time.
for unit in getty@tty1.service systemd-udevd.service systemd-udevd-control.socket systemd-udevd-kernel.socket \
  systemd-udev-trigger.service systemd-modules-load.service systemd-pstore.service systemd-binfmt.service \
  proc-sys-fs-binfmt_misc.automount sys-kernel-debug.mount sys-kernel-tracing.mount sys-kernel-config.mount \
  sys-fs-fuse-connections.mount dev-hugepages.mount apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer \
  fstrim.timer e2scrub_all.timer e2scrub_reap.service; do
  ln -sf /dev/null "$root/etc/systemd/system/$unit"
done
