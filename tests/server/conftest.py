"""A served collection of real photographs, over real connections."""

from __future__ import annotations

import shutil
import socket
import threading
import time
from contextlib import contextmanager
from dataclasses import replace
from importlib.resources import files

import httpx
import pytest

import nearsight as ns
from nearsight.ingest.run import IngestSettings as IngestSettings
from nearsight.server.run import Server
from nearsight.server.service import Service
from nearsight.server.settings import ServerSettings
from tests.conftest import PHOTOGRAPHS


@pytest.fixture(scope="session")
def indexed(tmp_path_factory):
    """A folder of photographs, two of which are broken, that is indexed; nobody changes it."""
    folder = tmp_path_factory.mktemp("served") / "My Photos"
    (folder / "sub").mkdir(parents=True)
    for number, (package, name) in enumerate(PHOTOGRAPHS):
        target = folder / ("sub" if number < 2 else "") / name
        target.write_bytes(files(package).joinpath(name).read_bytes())
    (folder / "broken.jpg").write_bytes((folder / "china.jpg").read_bytes()[:5000])
    (folder / "notes.jpg").write_text("not an image")
    ns.index(folder, settings=replace(IngestSettings(), workers=1)).close()
    shutil.copytree(folder, folder.parent / "untouched")
    return folder


@pytest.fixture
def folder(indexed, tmp_path):
    """A copy that a test may change, of what it was before anybody was served from it: jobs may be writing to it."""
    return shutil.copytree(indexed.parent / "untouched", tmp_path / "My Photos")


@contextmanager
def serving(*folders, **settings):
    """A running service; yields a client and the service."""
    service = Service(
        [folder / ".nearsight" for folder in folders], ServerSettings(**{"port": 0, "decoders": 1, **settings})
    )
    listener = socket.create_server((service.settings.host, 0))
    addresses = []
    server = Server(service, addresses.append)
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    while not addresses:
        time.sleep(0.01)
    base = addresses[0].partition("?")[0].rstrip("/")
    try:
        with httpx.Client(base_url=base, timeout=60) as client:
            yield client, service
    finally:
        server.should_exit = True
        thread.join(15)
        listener.close()
        assert not thread.is_alive()


@pytest.fixture(scope="session")
def served(indexed):
    with serving(indexed) as both:
        yield both


@pytest.fixture
def client(served):
    return served[0]


@pytest.fixture
def service(served):
    return served[1]


C = "/api/collections/my-photos"
"""The collection of every test."""


def send(client, data, name="query.jpg"):
    return client.post("/api/uploads", files={"image": (name, data)})
