#!/usr/bin/env bash
# Some of the configurations of tests/firewall beside their truth (make check-firewall has all).
exec "$(dirname "$0")/../firewall/run.sh" --tap --quick
