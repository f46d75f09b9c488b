"""The lab keeps strangers out: asked over a plain socket, as a page of another site would."""

import http.client
import re
import urllib.parse

import pytest

pytest.importorskip("fastapi", reason="needs the extra learn")


def ask(lab, path="/", *, method="GET", body=None, **headers):
    """Send a request with just these headers; give status, headers and text."""
    connection = http.client.HTTPConnection("127.0.0.1", lab.port, timeout=60)
    connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
    named = {"Host": f"127.0.0.1:{lab.port}"} | {k.replace("_", "-"): v for k, v in headers.items()}
    sent = urllib.parse.urlencode(body, doseq=True).encode() if body is not None else b""
    if body is not None:
        named |= {
            "Content-Type": "application/x-www-form-urlencoded",
            "Content-Length": str(len(sent)),
        }
    for name, value in named.items():
        connection.putheader(name, value)
    connection.endheaders(sent)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, dict(answer.getheaders()), text


def token(lab):
    return re.search(r'name="token" value="([^"]+)"', ask(lab, "/lab")[2])[1]


FORM = {"task": "seed-line", "s": ["sgd lr=0.1"], "seeds": "1", "updates": "20", "do": "show"}


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1", "localhost:1"])
def test_a_request_must_name_this_server(lab, host):
    status, headers, _ = ask(lab, "/", Host=host)
    assert status == 403
    assert "default-src 'none'" in headers["content-security-policy"]


def test_localhost_is_this_server_too(lab):
    assert ask(lab, "/", Host=f"localhost:{lab.port}")[0] == 200


def test_a_form_with_the_token_is_taken(lab):
    status, headers, _ = ask(lab, "/lab", method="POST", body=FORM | {"token": token(lab)})
    assert status == 303
    assert headers["location"].startswith("/lab?task=seed-line")


@pytest.mark.parametrize("given", [{}, {"token": "x"}, {"token": ""}])
def test_a_form_without_the_token_is_not(lab, given):
    status, _, text = ask(lab, "/lab", method="POST", body=FORM | given)
    assert status == 422
    assert "must come from a page of this lab" in text


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
    ],
)
def test_a_form_of_another_site_is_not_even_with_the_token(lab, headers):
    body = FORM | {"token": token(lab)}
    assert ask(lab, "/lab", method="POST", body=body, **headers)[0] == 403


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "PATCH"])
def test_other_methods_are_not_answered(lab, method):
    assert ask(lab, "/lab", method=method)[0] == 403


def test_what_is_sent_is_small(lab):
    body = FORM | {"token": token(lab), "schedule": "x" * 2_100_000}
    assert ask(lab, "/lab", method="POST", body=body)[0] == 403


def test_pages_may_load_and_run_only_what_this_server_has(lab):
    _, headers, text = ask(lab, "/lab")
    policy = headers["content-security-policy"]
    assert "'unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert "<style" not in text
    assert " style=" not in text
    assert re.findall(r"<script(?![^>]* src=\"/static/)", text) == []


@pytest.mark.parametrize(
    "path",
    ["/static/../app.py", "/static/%2e%2e/app.py", "/static/app.py", "/static/x.js", "/nothing"],
)
def test_only_the_files_of_pages_are_given(lab, path):
    assert ask(lab, path)[0] in (404, 422)


@pytest.mark.parametrize(
    "path",
    [
        "/lab?s=function+os:getcwd",
        "/lab?task=digits&s=sgd+lr%3D0.1&updates=1e12",
        "/design?p=function+os%3Agetcwd",
        "/design?text=" + "cosine+%2A+" * 400,
        "/design/data?kind0=cosine&updates=99999999999",
        "/mine/../../etc/passwd",
        "/experiment/nothing",
        "/learn/nothing",
        "/challenge/nothing/1",
        "/practice/nothing?variant=-1",
        "/lab/code?task=digits&s=sgd+lr%3D0.1&place=7",
    ],
)
def test_nonsense_gets_a_sentence_and_no_error(lab, path):
    status, _, text = ask(lab, path)
    assert status in (200, 404, 422)
    assert "Traceback" not in text
    assert "Internal Server Error" not in text
