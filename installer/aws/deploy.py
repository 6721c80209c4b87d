"""Plans, makes, changes and deletes the stack of template.yaml, and estimates what it costs.

.venv/bin/python installer/aws/deploy.py cost --stations 20 --pictures 100000
.venv/bin/python installer/aws/deploy.py plan --image ACCOUNT.dkr.ecr.REGION.amazonaws.com/linesight:1
.venv/bin/python installer/aws/deploy.py deploy --image ... --set NoticeEmail=line4@example.com
"""

from __future__ import annotations

import sys

from stack_deploy.command import main

if __name__ == "__main__":
    sys.exit(main())
