"""Both ways over TLS, as AWS has it: acknowledgements while sending, and a read that waits is ended at once."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from moto.kinesisvideo import models as moto_models

from app.cloud.session import CloudSession
from app.cloud.video.sender import Sending
from app.cloud.video.watcher import KinesisCamera
from tests.cloud.conftest import STREAM, until
from tests.cloud.media_plane import MediaPlane
from tests.cloud.test_sender import Sent
from tests.cloud.test_watcher import Reader, watched


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """Of 127.0.0.1, signed by itself, with its key in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "media plane")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "certificate.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.fixture
def plane(control_plane: str, certificate: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MediaPlane]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with MediaPlane(tls=context) as plane:
        monkeypatch.setattr(moto_models.Stream, "get_data_endpoint", lambda self, api_name: plane.url)
        yield plane


def test_both_ways_over_tls(
    plane: MediaPlane, session: CloudSession, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_CA_BUNDLE", str(certificate))
    trusting = CloudSession(session.address)
    reader, sent = Reader(KinesisCamera(trusting, STREAM, silent=60)), Sent(trusting)
    watched(plane)
    sent.sender.start()
    sent.gops(2)
    until(lambda: sent.sender.state().persisted == 1 and sent.sender.state().sent_frames == 20)
    sent.gops(1)
    until(lambda: reader.frames)
    reader.end()
    until(lambda: not [one for one in threading.enumerate() if one.name == "capture kvs:line-1"], 3)
    assert sent.sender.stop(10)
    assert len(plane.stored) == 3 and plane.violations == []
    assert set(reader.seen().items()) <= set(sent.camera.taken.items())


def test_a_stranger_is_not_trusted(plane: MediaPlane, session: CloudSession) -> None:
    sent = Sent(session)
    sent.sender.start()
    sent.gops(1)
    until(lambda: sent.sender.state().doing is Sending.LOST)
    assert "not trusted" in sent.sender.state().words
    sent.sender.stop(0.1)
    assert plane.stored == []
