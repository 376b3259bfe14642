"""The office's pages: a day from plan to close by forms alone, and nothing of it for anybody else."""

from __future__ import annotations

import pytest

from tests.web.site import Site, plan


def test_a_day_goes_from_plan_to_close_by_forms(site: Site) -> None:
    mary = site.signed_in("mary")
    form = plan(title="Autumn exam", blueprint="practice", proctors=[site.person("grace")], seats="1")
    assert 303 == mary.post("/staff/exams", form).status_code
    exam = next(row["exam"] for row in site.house.exams.all() if row["title"] == "Autumn exam")
    page = mary.get("/staff/exams").text
    assert "Autumn exam" in page
    assert "0 of 1 booked" in page
    acts = [
        ("book", {"candidate": site.person("noor")}),
        ("open", {}),
        ("extend", {"closes": "2026-03-02T21:00", "reason": "Power cut in the morning"}),
        ("close", {}),
    ]
    assert [303] * 4 == [mary.post(f"/staff/exams/{exam}/{act}", form).status_code for act, form in acts]
    page = mary.get("/staff/exams").text
    assert "Noor Salim" in page
    assert "1 of 1 booked" in page
    assert "CLOSED" == site.house.exams.exam(exam).phase


def test_the_window_is_told_in_the_exams_own_zone(site: Site) -> None:
    expected = "2 March 2026, 10:00 to 2 March 2026, 20:00 in Europe/Helsinki"
    assert expected in site.signed_in("mary").get("/staff/exams").text
    assert expected in site.signed_in("grace").get("/proctor").text


def test_what_was_typed_stands_in_the_form_that_was_refused(site: Site) -> None:
    answer = site.signed_in("mary").post("/staff/exams", plan(title="Autumn exam", blueprint="practice", seats="0"))
    assert 400 == answer.status_code
    assert 'value="Autumn exam"' in answer.text
    assert "INPUT_INVALID" in answer.text


def test_what_the_rules_refuse_stands_above_the_list(site: Site) -> None:
    mary = site.signed_in("mary")
    answer = mary.post(f"/staff/exams/{site.exam}/book", {"candidate": site.person("ada")})
    assert (409, True) == (answer.status_code, "ALREADY_BOOKED" in answer.text)
    assert 303 == mary.post(f"/staff/exams/{site.exam}/book", {"candidate": site.person("noor")}).status_code


def test_without_the_role_no_form_and_no_page_of_the_office_is_there(site: Site) -> None:
    katherine = site.signed_in("katherine")
    posts = [
        ("/staff/exams", plan(blueprint="practice")),
        (f"/staff/exams/{site.exam}/close", {}),
        (f"/staff/exams/{site.exam}/book", {"candidate": site.person("noor")}),
        ("/staff/decisions", {"sitting": site.sitting}),
        ("/staff/decisions/dec-1/assign", {"deciders": [site.person("hedy")]}),
    ]
    answers = [katherine.post(path, form) for path, form in posts]
    answers += [katherine.get(path) for path in ("/staff/exams", "/staff/notices", "/staff/decisions")]
    assert [403] * 8 == [answer.status_code for answer in answers]
    assert [] == [answer.url.path for answer in answers if "Ada Quill" in answer.text]
    assert "OPEN" == site.house.exams.exam(site.exam).phase


def test_an_act_that_is_none_of_the_pages_is_not_there(site: Site) -> None:
    assert 404 == site.signed_in("mary").post(f"/staff/exams/{site.exam}/plan", {}).status_code


def test_the_outbox_shows_the_code_in_a_demo_and_nowhere_else(site: Site) -> None:
    site.house.notices.deliver_due()
    mary = site.signed_in("mary")
    page = mary.get("/staff/notices").text
    assert "ada@example.org" in page
    assert "code signs you in" in page
    assert "Delivered" in page
    object.__setattr__(site.house, "settings", site.house.settings.model_copy(update={"demo": False}))
    plain = mary.get("/staff/notices").text
    assert "code signs you in" not in plain
    assert "What it says is not shown here." in plain


def test_a_new_code_is_sent_from_the_list(site: Site) -> None:
    mary = site.signed_in("mary")
    assert 303 == mary.post(f"/staff/exams/{site.exam}/code", {"sitting": site.sitting}).status_code
    site.house.notices.deliver_due()
    assert "sent" in mary.get("/staff/exams").text
    assert 2 == len(list(site.house.settings.spool.glob("*.txt")))  # the codes; that of practice stands on the page


@pytest.mark.parametrize(
    ("account", "tasks"),
    [
        ("mary", ["Exam days", "Decisions to give out", "Messages", "Item bank"]),
        ("grace", ["Invigilation", "Certification decisions"]),
        ("joan", ["Incidents"]),
        ("emmy", ["Item bank"]),
        ("linus", ["Installation"]),
    ],
)
def test_everybody_finds_what_their_roles_let_them_do_and_nothing_else(
    site: Site, account: str, tasks: list[str]
) -> None:
    page = site.signed_in(account).get("/staff").text
    every = ["Exam days", "Decisions to give out", "Messages", "Item bank", "Invigilation", "Incidents"]
    every += ["Certification decisions", "Installation"]
    assert set(tasks) == {title for title in every if f">{title}</a></h2>" in page}
