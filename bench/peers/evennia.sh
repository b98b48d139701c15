#!/bin/sh
# Installs Evennia into a virtual environment, makes the grid of `everhall bench prepare` in a fresh game, and starts it.
#
#   bench/peers/evennia.sh start DIR [TELNET_PORT]   installs and builds what is not there yet, starts it
#   bench/peers/evennia.sh stop DIR
#
# Settings are Evennia's own, but for its ports and its limits of connections and commands a second, which a load
# generator would measure instead.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
action=$1
mkdir -p "$2"
dir=$(cd "$2" && pwd)
port=${3:-4100}
export BENCH_ROOMS="${BENCH_ROOMS:-100}" BENCH_ACCOUNTS="${BENCH_ACCOUNTS:-300}"
export PATH="$dir/venv/bin:$PATH"

if [ "$action" = stop ]; then
    cd "$dir/game" && exec evennia stop
fi
if [ ! -x "$dir/venv/bin/evennia" ]; then
    python3 -m venv "$dir/venv"
    "$dir/venv/bin/pip" install --quiet "evennia${EVENNIA_VERSION:+==$EVENNIA_VERSION}"
fi
cd "$dir"
if [ ! -e game/ready ]; then
    rm -rf game
    evennia --init game >/dev/null
    cat >>game/server/conf/settings.py <<SETTINGS

TELNET_PORTS = [$port]
WEBSERVER_PORTS = [($((port + 1)), $((port + 5)))]
WEBSOCKET_CLIENT_PORT = $((port + 2))
AMP_PORT = $((port + 6))
MAX_CONNECTION_RATE = 1000
MAX_COMMAND_RATE = 100000
TELNET_INTERFACES = ["127.0.0.1"]
SETTINGS
    cd game
    evennia migrate >/dev/null
    # The first start makes the superuser and the Public channel.
    EVENNIA_SUPERUSER_USERNAME=admin EVENNIA_SUPERUSER_EMAIL=admin@example.com \
        EVENNIA_SUPERUSER_PASSWORD=passw0rdX9 evennia start
    sleep 5
    evennia stop
    sleep 2
    evennia shell -c "exec(open('$here/evennia_world.py').read(), globals())"
    touch ready
    cd ..
fi
cd game
evennia start
