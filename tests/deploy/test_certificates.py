"""A PostgreSQL that proves who it is: what the example for Kubernetes says, from what the Dockerfile sets."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.deploy.files import DEPLOY
from tests.postgres import PostgresServer

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")

CONNECT = "import sys, psycopg; psycopg.connect(sys.argv[1]).close()"


@pytest.fixture
def certificate(own_postgres: PostgresServer) -> Path:
    """Where the server's certificate lies, which nobody but itself has signed."""
    [data] = own_postgres.execute("SHOW data_directory")
    folder = Path(str(data[0]))
    made = 'req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=kinora -addext "subjectAltName=IP:127.0.0.1"'
    command = ["openssl", *shlex.split(made), "-out", "server.crt", "-keyout", "server.key"]
    subprocess.run(command, cwd=folder, capture_output=True, check=True)
    owner = folder.stat()
    for name in ("server.crt", "server.key"):
        os.chown(folder / name, owner.st_uid, owner.st_gid)
        (folder / name).chmod(0o600)
    own_postgres.execute("ALTER SYSTEM SET ssl = on")
    own_postgres.restart()
    return folder / "server.crt"


def connected(url: str, **environment: str) -> subprocess.CompletedProcess[str]:
    told = {name: value for name, value in os.environ.items() if not name.startswith("SSL_")} | environment
    command = [sys.executable, "-c", CONNECT, url]
    return subprocess.run(command, env=told, capture_output=True, text=True, check=False)


def test_who_the_system_trusts_is_trusted_by_the_bot(own_postgres: PostgresServer, certificate: Path) -> None:
    secret = (DEPLOY / "kubernetes" / "secret.example.yaml").read_text(encoding="utf-8")
    found = re.search(r"database_url: \S+(\?\S+)", secret)
    set_by_the_image = re.search(
        r"(SSL_CERT_FILE)=(\S+)", (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    )
    assert found is not None
    assert set_by_the_image is not None
    url = own_postgres.url("postgres") + found[1]
    done = connected(url, **{set_by_the_image[1]: str(certificate)})
    assert done.returncode == 0, done.stderr
    assert "certificate verify failed" in connected(url).stderr


def test_who_has_signed_is_trusted_by_the_path_that_the_readme_gives_a_service(
    own_postgres: PostgresServer, certificate: Path
) -> None:
    readme = (DEPLOY / "README.md").read_text(encoding="utf-8")
    found = re.search(r"`(\?sslmode=verify-full&sslrootcert=)(/etc/\S+)`", readme)
    assert found is not None
    url = own_postgres.url("postgres") + found[1]
    done = connected(url + str(certificate))
    assert done.returncode == 0, done.stderr
    assert "certificate verify failed" in connected(url + found[2]).stderr
