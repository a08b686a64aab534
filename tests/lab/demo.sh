#!/bin/sh
# The main job, shown on a lab of its own: ./run demo [SUITE]. It needs ansible-playbook and the installed collection, which ./run gives it.
set -eu

suite=${1:-bullseye}
here=$(cd "$(dirname "$0")" && pwd)
dir=$(mktemp -d /var/tmp/entropy-demo.XXXXXX)
chmod 755 "$dir"

lab() { /usr/bin/python3 "$here" "$@"; }
say() { printf '\n\033[1m== %s\033[0m\n' "$*"; }

finish() {
    status=$?
    trap - EXIT INT TERM
    [ "$status" -eq 0 ] || say "The demo ended early (status $status)"
    lab down --dir "$dir" || true
    rm -rf "$dir"
    exit "$status"
}
trap finish EXIT
trap 'exit 130' INT TERM

ANSIBLE_CACHE_PLUGIN=jsonfile
ANSIBLE_DISPLAY_SKIPPED_HOSTS=False
ANSIBLE_FORCE_COLOR=${ANSIBLE_FORCE_COLOR:-$([ -t 1 ] && echo True || echo False)}
export ANSIBLE_CACHE_PLUGIN ANSIBLE_DISPLAY_SKIPPED_HOSTS ANSIBLE_FORCE_COLOR

# play STAGE PLAYBOOK [OPTION...]: runs it and keeps the facts of that stage for the table; returns the playbook's status
play() {
    stage=$1
    shift
    status=0
    ANSIBLE_CACHE_PLUGIN_CONNECTION=$dir/cache ansible-playbook -i "$dir/inventory.yml" "$@" || status=$?
    ANSIBLE_CACHE_PLUGIN_CONNECTION=$dir/cache ansible-playbook -i "$dir/inventory.yml" "$here/save_facts.yml" \
        -e "to=$dir/$stage.json" >/dev/null
    return "$status"
}

say "1. A KVM host and a guest ($suite) that runs without a random source"
lab up --dir "$dir" --guest "demo=$suite"

say "2. kvm.entropy.audit: what is there now (changes nothing)"
play before kvm.entropy.audit

say "3. kvm.entropy.site: the device into the definition and the running guest, the driver early, the chain judged"
if play plugged kvm.entropy.site; then
    say "The chain is whole, or sound enough for this boot."
else
    grep -q early-reads "$dir/plugged.json" || exit 1
    say "site fails on purpose where this boot once read numbers too early: no device can undo that, only a restart."
fi

say "4. The guest is powered off and started"
lab restart --dir "$dir" demo

say "5. kvm.entropy.verify: the same guest, ready before user space first read"
play restarted kvm.entropy.verify -v

say "What happened to the guest"
/usr/bin/python3 "$here/demo_table.py" "$dir" demo before plugged restarted
