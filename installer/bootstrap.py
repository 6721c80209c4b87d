#!/usr/bin/env python3
"""Sets Linesight up on a fresh machine and starts it: `bootstrap.py setup [--dev] [--extra NAME] | run ARGS | test`.

This file alone keeps to words that very old Pythons understand, so that they can say what is
missing; everything else is in station_setup/ beside it. Standard library only.
"""

import os
import sys

if sys.version_info < (3, 11):
    sys.stderr.write(  # an f-string would be a syntax error there
        "Linesight needs Python 3.11 or newer; this is Python %s (%s).\n"
        "Install a newer one (Debian 12, Ubuntu 24.04 and later: apt-get install python3; Windows and macOS:\n"
        "the installer from python.org), then start again with it, for example: python3.11 installer/bootstrap.py run\n"
        % (sys.version.split()[0], sys.executable)
    )
    sys.exit(1)

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))  # missing under -P and PYTHONSAFEPATH

from station_setup.commands import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
