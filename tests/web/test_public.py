"""What anybody may ask: the certificate check tells nothing to whoever has one half, and health is told plainly."""

from __future__ import annotations

from tests.web.site import Site
from tests.web.test_decision_pages import certified


def test_number_and_name_together_confirm_a_certificate(site: Site) -> None:
    number = certified(site)
    answer = site.browser("anybody").post("/certificate", {"number": number.lower(), "holder": "ada  quill"})
    assert "This certificate is valid" in answer.text
    assert number in answer.text


def test_a_wrong_name_and_an_unknown_number_get_the_very_same_answer(site: Site) -> None:
    number = certified(site)
    anybody = site.browser("anybody")
    wrong_name = anybody.post("/certificate", {"number": number, "holder": "Noor Salim"})
    unknown = anybody.post("/certificate", {"number": "ZZZZ-ZZZZ-ZZZZ-ZZZZ", "holder": "Noor Salim"})
    assert 200 == wrong_name.status_code == unknown.status_code
    assert wrong_name.text.replace(number, "") == unknown.text.replace("ZZZZ-ZZZZ-ZZZZ-ZZZZ", "")
    assert "No certificate has this number and this name together" in unknown.text


def test_the_check_cannot_be_asked_without_end(site: Site) -> None:
    anybody = site.browser("anybody")
    asked = [anybody.post("/certificate", {"number": f"{n}", "holder": "x"}).status_code for n in range(11)]
    assert [200] * 10 + [429] == asked
    site.wait(2**13)
    assert 200 == anybody.post("/certificate", {"number": "1", "holder": "x"}).status_code


def test_the_statement_names_scheme_people_and_key_without_a_sign_in(site: Site) -> None:
    page = site.browser("anybody").get("/statement")
    assert "Everyday Questions Technician" in page.text
    assert site.house.keyring.public.hex() in page.text
    assert "Mary Okafor" not in page.text


def test_the_server_says_whether_it_lives_and_can_write(site: Site) -> None:
    answers = [site.client.get(path).json() for path in ("/healthz", "/readyz")]
    assert [{"alive": True}, {"ready": True}] == answers
