#!/bin/sh
# Turns a new mount namespace into an instance's: own root, own /run, /tmp and /var, this machine's programs read-only, and
# nothing else of this machine's disk. Started by instance.py as the first process of its namespaces:
#   instance_init.sh ROOT DISK PROGRAMS VOLUME < bindings
# ROOT: an empty folder to build on. DISK: becomes /var. PROGRAMS: becomes /opt/zeropull/bin ("" for none). VOLUME: becomes
# /volume, read-only ("" for none). Standard input: lines "CGROUP_FOLDER MOUNT_POINT PROCS_FILE" from cgroups.py.
set -eu
root=$1 disk=$2 programs=$3 volume=$4

bind_read_only() { mkdir -p "$2"; mount --bind "$1" "$2"; mount -o remount,bind,ro "$2"; }

mount -t tmpfs -o mode=755 instance "$root"
for name in bin sbin lib lib32 lib64 libx32; do
  if [ -L "/$name" ]; then cp -a "/$name" "$root/$name"; elif [ -d "/$name" ]; then bind_read_only "/$name" "$root/$name"; fi
done
bind_read_only /usr "$root/usr"
bind_read_only /etc "$root/etc"
[ -z "$programs" ] || bind_read_only "$programs" "$root/opt/zeropull/bin"
[ -z "$volume" ] || bind_read_only "$volume" "$root/volume"
mkdir -p "$root/var" "$root/dev" "$root/proc" "$root/run" "$root/sys" "$root/root" "$root/tmp" "$root/old" "$disk/lib" "$disk/log"
mount --bind "$disk" "$root/var"
ln -sfn /run "$root/var/run"
mount --bind /dev "$root/dev"
mount -t devpts -o newinstance,ptmxmode=0666,mode=0620 devpts "$root/dev/pts"
mount -t tmpfs tmpfs "$root/dev/shm"
mount -t tmpfs -o mode=755 tmpfs "$root/run"
mount -t tmpfs tmpfs "$root/tmp"
mount -t proc proc "$root/proc"
mount -t sysfs sysfs "$root/sys"
[ -e "$root/sys/fs/cgroup" ] && mount -t tmpfs tmpfs "$root/sys/fs/cgroup"
while read -r folder mount_point procs; do
  mkdir -p "$root$mount_point"
  mount --bind "$folder" "$root$mount_point"
  echo 0 >"$procs"
done

hostname instance
cd "$root"
pivot_root . old
umount -l /old
rmdir /old
echo up
exec sleep infinity
