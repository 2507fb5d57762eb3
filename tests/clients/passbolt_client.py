#!/usr/bin/python3
"""A client of Passbolt's API in Python, as somebody would write one who has only read how the API works: requests for HTTP, PGPy
for OpenPGP. What it is answered must be what it needs.

    passbolt_client.py new-key rsa|ed25519 NAME EMAIL FILE    writes a new secret key to FILE, prints the public one
    passbolt_client.py flows                                  prints the names of the flows
    passbolt_client.py run FLOW WORLD                         does a flow; exit code 0 if all was well

WORLD is a file of JSON: {"url": ..., "profile": 5, "people": {"ada": {"id": UUID, "key": FILE}, ...}}. Ada is an administrator;
Max is a manager of the group "Red", where Mia is a member; Nils is in no group.
"""

import json
import re
import sys
import time
import urllib.parse
import uuid
import warnings

warnings.filterwarnings("ignore")  # PGPy speaks of what the cryptography library will drop one day

import pgpy  # noqa: E402
import requests  # noqa: E402
from pgpy.constants import (  # noqa: E402
    CompressionAlgorithm,
    EllipticCurveOID,
    HashAlgorithm,
    KeyFlags,
    PubKeyAlgorithm,
    SymmetricKeyAlgorithm,
)

TIMEOUT = 60
TOKEN = re.compile(r"gpgauthv1\.3\.0\|36\|[0-9a-f-]{36}\|gpgauthv1\.3\.0")
NOBODY = "c1d2e3f4-0a1b-4c2d-8e3f-999999999999"


# ---- keys and messages ----


def new_key(kind, name, email):
    """A key pair as PGPy makes it: a primary key that signs and certifies, a subkey that is encrypted to."""
    primary, sub = {
        "rsa": ((PubKeyAlgorithm.RSAEncryptOrSign, 3072), (PubKeyAlgorithm.RSAEncryptOrSign, 3072)),
        "ed25519": (
            (PubKeyAlgorithm.EdDSA, EllipticCurveOID.Ed25519),
            (PubKeyAlgorithm.ECDH, EllipticCurveOID.Curve25519),
        ),
    }[kind]
    key = pgpy.PGPKey.new(*primary)
    key.add_uid(
        pgpy.PGPUID.new(name, email=email),
        usage={KeyFlags.Sign, KeyFlags.Certify},
        hashes=[HashAlgorithm.SHA256],
        ciphers=[SymmetricKeyAlgorithm.AES256],
        compression=[CompressionAlgorithm.Uncompressed],
    )
    key.add_subkey(pgpy.PGPKey.new(*sub), usage={KeyFlags.EncryptCommunications, KeyFlags.EncryptStorage})
    return key


def read_key(armored):
    return pgpy.PGPKey.from_blob(armored)[0]


def fingerprint_of(key):
    return str(key.fingerprint).replace(" ", "")


def text_of(message):
    content = message.message
    return content if isinstance(content, str) else bytes(content).decode()


# ---- a client ----


class Client:
    """Somebody who speaks with the server. The session is requests' own: it keeps cookies and sends them back."""

    def __init__(self, world, name):
        self.url = world["url"]
        self.profile = world["profile"]
        self.user_id = world["people"][name]["id"]
        with open(world["people"][name]["key"], encoding="ascii") as file:
            self.key = read_key(file.read())
        self.http = requests.Session()
        self.server_key = None

    def ask(self, method, path, **more):
        more.setdefault("timeout", TIMEOUT)
        return self.http.request(method, self.url + path, **more)

    def body(self, method, path, **more):
        """The body of an answer that must be a success."""
        answer = self.ask(method, path, **more)
        assert answer.status_code == 200, (method, path, answer.status_code, answer.text)
        header = answer.json()["header"]
        assert header["status"] == "success" and header["code"] == 200, header
        assert isinstance(header["servertime"], int), header
        assert uuid.UUID(header["id"]).version == 4 and uuid.UUID(header["action"]).version == 5, header
        return answer.json()["body"]

    def refused(self, code, method, path, **more):
        """The body of an answer that must be an error with this code."""
        answer = self.ask(method, path, **more)
        assert answer.status_code == code, (method, path, answer.status_code, answer.text)
        header = answer.json()["header"]
        assert header["status"] == "error" and header["code"] == code and header["message"], header
        return answer.json()["body"]

    def change(self, method, path, **more):
        """As body, with the CSRF token."""
        return self.body(method, path, headers={"X-CSRF-Token": self.http.cookies["csrfToken"]}, **more)

    # ---- GPGAuth ----

    def learn_server_key(self):
        """As one does once and then remembers: without the session, which begins with the log-in."""
        answer = requests.get(self.url + "/auth/verify.json", timeout=TIMEOUT)
        assert answer.status_code == 200, answer.text
        told = answer.json()["body"]
        self.server_key = read_key(told["keydata"])
        assert fingerprint_of(self.server_key) == told["fingerprint"], told["fingerprint"]

    def verify_server(self):
        """Stage 0: the server must be able to read what is written to its key."""
        token = f"gpgauthv1.3.0|36|{uuid.uuid4()}|gpgauthv1.3.0"
        message = str(self.server_key.encrypt(pgpy.PGPMessage.new(token)))
        gpg_auth = {"keyid": fingerprint_of(self.key), "server_verify_token": message}
        answer = self.ask("POST", "/auth/verify.json", json={"gpg_auth": gpg_auth})
        assert answer.status_code == 200, answer.text
        assert answer.headers["X-GPGAuth-Verify-Response"] == token, answer.headers
        assert answer.headers["X-GPGAuth-Progress"] == "stage0", answer.headers

    def read_token(self, encoded):
        """The text of the header X-GPGAuth-User-Auth-Token, which the server must have signed."""
        armored = urllib.parse.unquote(encoded).replace("\\+", " ")
        message = self.key.decrypt(pgpy.PGPMessage.from_blob(armored))
        assert message.is_signed and self.server_key.verify(message), "the server did not sign the token"
        token = text_of(message)
        assert TOKEN.fullmatch(token), token
        return token

    def log_in(self, in_data=False, lower_case=False, csrf_from="/users/me.json"):
        """The two stages, and a CSRF token from the Set-Cookie of the next answer. Gives the user that the server says one is."""
        keyid = fingerprint_of(self.key)
        keyid = keyid.lower() if lower_case else keyid

        def post(gpg_auth):
            body = {"gpg_auth": gpg_auth}
            answer = self.ask("POST", "/auth/login.json", json={"data": body} if in_data else body)
            assert answer.status_code == 200, answer.text
            assert answer.json()["header"]["code"] == 200, answer.text
            assert "X-GPGAuth-Error" not in answer.headers, answer.headers
            return answer

        first = post({"keyid": keyid})
        assert first.headers["X-GPGAuth-Progress"] == "stage1", first.headers
        assert first.headers["X-GPGAuth-Authenticated"] == "false", first.headers
        token = self.read_token(first.headers["x-gpgauth-user-auth-token"])
        second = post({"keyid": keyid, "user_token_result": token})
        assert second.headers["X-GPGAuth-Progress"] == "complete", second.headers
        assert second.headers["X-GPGAuth-Authenticated"] == "true", second.headers
        assert second.json()["header"]["message"] == "You are successfully logged in.", second.text
        assert self.session_cookie() in second.cookies, second.headers

        next_answer = self.ask("GET", csrf_from)
        assert next_answer.status_code == 200, next_answer.text
        assert re.search(r"csrfToken=[0-9a-f]{128}", next_answer.headers["Set-Cookie"]), next_answer.headers
        return second.json()["body"]

    def session_cookie(self):
        return "passbolt_session" if self.profile == 5 else "CAKEPHP"

    # ---- JWT ----

    def jwt_log_in(self):
        """Gives (access token, refresh token)."""
        verify_token = str(uuid.uuid4())
        challenge = {
            "version": "1.0.0",
            "domain": self.url,
            "verify_token": verify_token,
            "verify_token_expiry": int(time.time()) + 120,
        }
        message = pgpy.PGPMessage.new(json.dumps(challenge))
        message |= self.key.sign(message)
        request = {"user_id": self.user_id, "challenge": str(self.server_key.encrypt(message))}
        body = self.body("POST", "/auth/jwt/login.json", json=request)
        answer = self.key.decrypt(pgpy.PGPMessage.from_blob(body["challenge"]))
        assert answer.is_signed and self.server_key.verify(answer), "the server did not sign its challenge"
        told = json.loads(text_of(answer))
        assert told["verify_token"] == verify_token and told["domain"] == self.url, told
        self.http.cookies.clear()
        return told["access_token"], told["refresh_token"]


def bearer(token):
    return {"headers": {"Authorization": f"Bearer {token}"}}


def ids_of(people):
    return {name: person["id"] for name, person in people.items()}


def members_of(group):
    return {one["user_id"]: one["is_admin"] for one in group["groups_users"]}


# ---- flows ----


def verifies_server(world):
    for name in world["people"]:
        client = Client(world, name)
        client.learn_server_key()
        client.verify_server()


def logs_in_with_each_key(world):
    for name in world["people"]:
        client = Client(world, name)
        client.learn_server_key()
        assert client.log_in()["id"] == client.user_id
        assert client.body("GET", "/auth/is-authenticated.json") is None
        assert client.body("GET", "/users/me.json")["id"] == client.user_id


def logs_in_with_data_around(world):
    client = Client(world, "ada")
    client.learn_server_key()
    client.log_in(in_data=True)
    client.body("GET", "/groups.json")


def logs_in_with_small_letters(world):
    for in_data in (False, True):
        client = Client(world, "max")
        client.learn_server_key()
        client.log_in(in_data=in_data, lower_case=True)
        client.body("GET", "/groups.json")


def takes_csrf_token_from_resources(world):
    client = Client(world, "max")
    client.learn_server_key()
    client.log_in(csrf_from="/resources.json?contain[secret]=1")
    assert isinstance(client.body("GET", "/resources.json"), list)
    client.change("POST", "/auth/logout.json")


def reads_settings(world):
    plugins = Client(world, "mia").body("GET", "/settings.json")["passbolt"]["plugins"]
    assert all(isinstance(plugin, dict) for plugin in plugins.values()), plugins
    client = Client(world, "mia")
    client.learn_server_key()
    client.log_in()
    assert isinstance(client.body("GET", "/settings.json")["passbolt"]["plugins"], dict)


def lists_groups_and_users(world):
    people = ids_of(world["people"])
    client = Client(world, "mia")
    client.learn_server_key()
    client.log_in()
    groups = client.body("GET", "/groups.json", params={"contain[user]": 1, "api-version": "2.10.0-nonsense"})
    red = next(group for group in groups if group["name"] == "Red")
    members = {user["id"]: user["_joinData"] for user in red["users"]}
    assert members[people["max"]]["is_admin"] is True and members[people["mia"]]["is_admin"] is False, members
    assert all(joined["group_id"] == red["id"] and joined["user_id"] == user for user, joined in members.items()), members

    with_groups = client.body("GET", "/groups.json", params={"filter[has-users]": people["mia"]})
    assert "Red" in [group["name"] for group in with_groups] and len(with_groups) < len(groups), with_groups
    assert client.body("GET", "/groups.json", params={"filter[has-managers][]": people["max"]})[0]["name"] == "Red"

    for user in client.body("GET", "/users.json"):
        assert user["role"]["name"] in ("admin", "user"), user
        assert user["profile"]["first_name"] and user["profile"]["last_name"], user
        assert "last_logged_in" in user and user["username"], user
        if user["id"] in people.values():
            assert read_key(user["gpgkey"]["armored_key"]).is_public, user
            assert user["gpgkey"]["fingerprint"] == fingerprint_of(read_key(user["gpgkey"]["armored_key"])), user


def manages_a_group(world):
    people = ids_of(world["people"])
    client = Client(world, "ada")
    client.learn_server_key()
    client.log_in()

    new = {"name": "Violet", "groups_users": [{"user_id": people["ada"], "is_admin": 1}, {"user_id": people["mia"]}]}
    # As in release 2.10, which reads the old layout only.
    old = {"Group": {"name": "Violet"}, "GroupUsers": [{"GroupUser": one} for one in new["groups_users"]]}
    group = client.change("POST", "/groups.json", json=new if client.profile == 5 else old)
    assert members_of(group) == {people["ada"]: True, people["mia"]: False}, group
    path = f"/groups/{group['id']}"

    contain = {"contain[groups_users]": 1, "contain[my_group_user]": 1, "contain[group_user.user.profile]": 1}
    viewed = client.body("GET", f"{path}.json", params=contain)
    assert viewed["name"] == "Violet" and viewed["my_group_user"]["is_admin"] is True, viewed
    assert all(one["user"]["profile"]["first_name"] for one in viewed["groups_users"]), viewed

    membership = {one["user_id"]: one["id"] for one in viewed["groups_users"]}
    changes = {
        "name": "Purple",
        "groups_users": [
            {"user_id": people["max"], "is_admin": False},
            {"user_id": people["nils"], "is_admin": False},
            {"id": membership[people["mia"]], "delete": True},
        ],
        "secrets": [],
    }
    dry = client.change("PUT", f"{path}/dry-run.json", json=changes)
    assert dry == {"dry-run": {"SecretsNeeded": [], "Secrets": []}}, dry
    assert client.body("GET", f"{path}.json")["name"] == "Violet"

    changed = client.change("PUT", f"{path}.json", json=changes)
    assert changed["name"] == "Purple", changed
    assert members_of(changed) == {people["ada"]: True, people["max"]: False, people["nils"]: False}, changed
    assert all(one["user"]["profile"]["last_name"] for one in changed["groups_users"]), changed

    promoted = next(one["id"] for one in changed["groups_users"] if one["user_id"] == people["max"])
    changed = client.change("PUT", f"{path}.json", json={"groups_users": [{"id": promoted, "is_admin": True}]})
    assert members_of(changed)[people["max"]] is True, changed

    assert client.change("DELETE", f"{path}/dry-run.json") == []
    assert client.body("GET", f"{path}.json")["name"] == "Purple"
    assert client.change("DELETE", f"{path}.json") is None
    client.refused(404, "GET", f"{path}.json")


def is_told_what_is_wrong(world):
    client = Client(world, "ada")
    Client(world, "ada").refused(401 if client.profile == 5 else 403, "GET", "/groups.json")
    client.learn_server_key()
    client.log_in()
    count = len(client.body("GET", "/groups.json"))
    token = {"X-CSRF-Token": client.http.cookies["csrfToken"]}
    manager = [{"user_id": client.user_id, "is_admin": True}]
    client.refused(403, "POST", "/groups.json", json={"name": "Without a token", "groups_users": manager})
    wrong = client.refused(400, "POST", "/groups.json", headers=token, json={"name": "", "groups_users": manager})
    assert wrong["name"], wrong
    stranger = [*manager, {"user_id": NOBODY}]
    if client.profile == 5:
        wrong = client.refused(400, "POST", "/groups.json", headers=token, json={"name": "X", "groups_users": stranger})
        assert wrong["groups_users"]["1"]["user_id"]["user_exists"] == "The user does not exist.", wrong
    client.refused(400, "POST", "/groups.json", headers=token, data="{", allow_redirects=False)
    assert len(client.body("GET", "/groups.json")) == count


def logs_out(world):
    client = Client(world, "mia")
    client.learn_server_key()
    client.log_in()
    kept = client.http.cookies.copy()
    assert client.change("POST", "/auth/logout.json") is None
    client.http.cookies = kept  # the session must be gone at the server, not in the jar only
    client.refused(401 if client.profile == 5 else 403, "GET", "/groups.json")


def uses_a_token_once(world):
    client = Client(world, "nils")
    client.learn_server_key()
    keyid = fingerprint_of(client.key)
    first = client.ask("POST", "/auth/login.json", json={"gpg_auth": {"keyid": keyid}})
    token = client.read_token(first.headers["X-GPGAuth-User-Auth-Token"])
    body = {"gpg_auth": {"keyid": keyid, "user_token_result": token}}
    assert client.ask("POST", "/auth/login.json", json=body).status_code == 200
    other = Client(world, "nils")
    again = other.ask("POST", "/auth/login.json", json=body)
    assert again.status_code == 400 and again.headers["X-GPGAuth-Error"] == "true", again.text
    other.refused(401 if client.profile == 5 else 403, "GET", "/groups.json")


def lives_on_jwt(world):
    people = ids_of(world["people"])
    client = Client(world, "ada")
    client.learn_server_key()
    client.verify_server()
    access, refresh = client.jwt_log_in()
    assert client.body("GET", "/users/me.json", **bearer(access))["id"] == client.user_id

    new = {"name": "Teal", "groups_users": [{"user_id": people["ada"], "is_admin": True}]}
    group = client.body("POST", "/groups.json", json=new, **bearer(access))
    assert client.body("DELETE", f"/groups/{group['id']}.json", **bearer(access)) is None

    request = {"user_id": client.user_id, "refresh_token": refresh}
    answer = client.ask("POST", "/auth/jwt/refresh.json", json=request)
    assert answer.status_code == 200, answer.text
    access_again = answer.json()["body"]["access_token"]
    refresh_again = answer.cookies["refresh_token"]
    assert refresh_again != refresh
    client.http.cookies.clear()
    assert client.body("GET", "/users/me.json", **bearer(access_again))["id"] == client.user_id
    used = client.ask("POST", "/auth/jwt/refresh.json", json=request)
    assert used.status_code >= 400, used.text

    request["refresh_token"] = refresh_again
    assert client.body("POST", "/auth/jwt/logout.json", json={"refresh_token": refresh_again}, **bearer(access_again)) is None
    gone = client.ask("POST", "/auth/jwt/refresh.json", json=request)
    assert gone.status_code >= 400, gone.text


def logs_in_with_each_key_for_jwt(world):
    for name in world["people"]:
        client = Client(world, name)
        client.learn_server_key()
        access, _ = client.jwt_log_in()
        assert client.body("GET", "/users/me.json", **bearer(access))["id"] == client.user_id


FLOWS = {
    flow.__name__: flow
    for flow in (
        verifies_server,
        logs_in_with_each_key,
        logs_in_with_data_around,
        logs_in_with_small_letters,
        takes_csrf_token_from_resources,
        reads_settings,
        lists_groups_and_users,
        manages_a_group,
        is_told_what_is_wrong,
        logs_out,
        uses_a_token_once,
        lives_on_jwt,
        logs_in_with_each_key_for_jwt,
    )
}


def main(words):
    if words[0] == "new-key":
        _, kind, name, email, path = words
        key = new_key(kind, name, email)
        with open(path, "w", encoding="ascii") as file:
            file.write(str(key))
        print(key.pubkey)
    elif words[0] == "flows":
        print("\n".join(FLOWS))
    elif words[0] == "run":
        with open(words[2], encoding="utf-8") as file:
            FLOWS[words[1]](json.load(file))


if __name__ == "__main__":
    main(sys.argv[1:])
