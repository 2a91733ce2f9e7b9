# SPDX-License-Identifier: BSD-3-Clause
"""Masters and workers of Spark standalone: their commands, environment, and what they say."""

import os
import re
import sys
from pathlib import Path

import pyspark
from processes import eventually

HOME = Path(pyspark.__file__).parent


def environment(address):
    """Of drivers, masters and workers that are found at this address, with Spark's own folder."""
    scala = re.match(r"spark-core_([\d.]+)-", next((HOME / "jars").glob("spark-core_*")).name)[1]
    return os.environ | {
        "SPARK_HOME": str(HOME),
        "SPARK_SCALA_VERSION": scala,
        "SPARK_LOCAL_IP": address,
        "PYSPARK_PYTHON": sys.executable,
        "OPENBLAS_NUM_THREADS": "1",
    }


def command(name, address, *options):
    """That starts a process of Spark's: "master.Master" or "worker.Worker"."""
    program = [str(HOME / "bin" / "spark-class"), f"org.apache.spark.deploy.{name}"]
    return [*program, "--host", address, "--webui-port", "0", *options]


def said(log, pattern):
    """What a process has said into this file, once it has."""
    assert eventually(lambda: re.search(pattern, log.read_text()), 90), log.read_text()
    return re.search(pattern, log.read_text())[1]
