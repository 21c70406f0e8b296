#!/bin/sh
# Installs the few system libraries a fresh Debian lacks, where it may (root and apt).
# They draw the 3-D views without a screen; without them everything else still runs.
packages="libegl1 libgl1-mesa-dri libx11-6 libxrender1"
python3 -c "import venv, ensurepip" 2>/dev/null || packages="$packages python3-venv"

missing=""
for package in $packages; do
  dpkg -s "$package" >/dev/null 2>&1 || missing="$missing $package"
done
[ -z "$missing" ] && exit 0

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  echo "Installing system libraries:$missing"
  # shellcheck disable=SC2086
  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends $missing; } >/dev/null 2>&1 && exit 0
fi
echo "Note: the 3-D views need these system packages:$missing"
echo "      (for example: sudo apt-get install$missing). Everything else runs without them."
exit 0
