"""What the fake Hub does when something is pushed to it: repositories, uploads, commits."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hub.fake_hub import FakeHub

LARGE = (".safetensors",)


class Writing:
    """The part of the handler that answers POST and PUT."""

    hub: FakeHub
    headers: Any

    def send(self, status: int, data: bytes, headers: dict[str, str]) -> None:
        raise NotImplementedError

    def write(self, path: str, sent: bytes) -> None:
        if path == "/api/validate-yaml":
            return self._json({"errors": [], "warnings": []})
        if path == "/api/repos/create":
            return self._create(json.loads(sent))
        if path.startswith("/lfs/"):
            return self._upload(path.removeprefix("/lfs/"), sent)
        if path.endswith("/info/lfs/objects/batch"):
            return self._batch(json.loads(sent))
        name = "/".join(path.removeprefix("/api/models/").split("/")[:2])
        if name not in self.hub.repositories:
            return self.send(404, b"{}", {"X-Error-Code": "RepoNotFound"})
        if "/preupload/" in path:
            return self._preupload(json.loads(sent))
        if "/commit/" in path:
            return self._commit(name, [json.loads(line) for line in sent.splitlines()])
        return self.send(404, b"{}", {})

    def _create(self, wanted: dict[str, Any]) -> None:
        from hub.fake_hub import Repository

        name = f"{wanted['organization']}/{wanted['name']}"
        answer = {"url": f"{self._address()}/{name}", "name": name}
        if name in self.hub.repositories:
            return self._json(answer | {"error": "You already created this model repo"}, 409)
        private = bool(wanted.get("private")) or wanted.get("visibility") == "private"
        self.hub.repositories[name] = Repository(private=private)
        self.hub.repositories[name].add({".gitattributes": b"*.safetensors filter=lfs\n"})
        return self._json(answer)

    def _preupload(self, wanted: dict[str, Any]) -> None:
        files = [
            {"path": file["path"], "uploadMode": "lfs" if file["path"].endswith(LARGE) else "regular"}
            | {"shouldIgnore": False, "oid": None}
            for file in wanted["files"]
        ]
        return self._json({"files": files})

    def _batch(self, wanted: dict[str, Any]) -> None:
        objects = [
            {"oid": each["oid"], "size": each["size"]}
            | {"actions": {"upload": {"href": f"{self._address()}/lfs/{each['oid']}", "header": {}}}}
            for each in wanted["objects"]
        ]
        return self._json({"transfer": "basic", "objects": objects})

    def _upload(self, oid: str, sent: bytes) -> None:
        if hashlib.sha256(sent).hexdigest() != oid:
            return self.send(400, b"", {})
        self.hub.uploads[oid] = sent
        return self.send(200, b"", {"ETag": oid})

    def _commit(self, name: str, lines: list[dict[str, Any]]) -> None:
        repository = self.hub.repositories[name]
        parent = repository.branches["main"]
        files = dict(repository.commits[parent])
        for line in lines:
            value = line["value"]
            if line["key"] == "header" and value.get("parentCommit", parent) != parent:
                return self._json({"error": "the branch has moved"}, 412)
            if line["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                files[value["path"]] = self.hub.uploads[value["oid"]]
            elif line["key"] == "deletedFile":
                del files[value["path"]]
        commit = repository.add(files)
        return self._json({"commitUrl": f"{self._address()}/{name}/commit/{commit}", "commitOid": commit})

    def _address(self) -> str:
        return f"http://{self.headers['host']}"

    def _json(self, value: dict[str, Any], status: int = 200) -> None:
        return self.send(status, json.dumps(value).encode(), {"Content-Type": "application/json"})
