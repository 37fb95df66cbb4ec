#!/usr/bin/env python3
"""Talks through the room's page in a real Chromium: page.py URL [--password PASSWORD] [--operator PASSWORD] [--pictures DIRECTORY]

URL is the page of a running server, such as http://127.0.0.1:7788/. One line a check; exit code 1 if any has failed.
Without a Chromium it prints SKIPPED and exits 0; CHROMIUM names another browser's path.
"""
import argparse
import json
import os
import sys

import chromium

# Counts the page's sockets, and can hold it off: a held page is sent to where no WebSocket is.
BEFORE = """
window.sockets = [];
window.held = false;
window.WebSocket = class extends WebSocket {
  constructor(url) {
    const target = new URL(url);
    if (held) target.pathname = '/healthz';
    super(target);
    sockets.push(target);
    this.addEventListener('open', () => { window.last = this; });
  }
};
"""
LOG = "[...document.querySelectorAll('#log .row')]"
MARK = f"{os.getpid() % 100_000:05}"  # tells this run's names and texts from those of others in the room


class Person:
    """One page, and a name in the room."""

    def __init__(self, browser, options):
        self.operator, password = options.operator, options.password
        self.page = browser.page(options.url, BEFORE)
        self.page.look()
        if password:
            self.page.wait("!document.getElementById('door').hidden", "the password form")
            self.page.type(password)
            self.page.press("Enter")
        self.page.wait("!document.getElementById('name').hidden", "a name from the server")
        self.name = self.page.run("document.getElementById('name').textContent")

    def say(self, text):
        self.page.run("document.getElementById('say').focus()")
        self.page.type(text)
        self.page.press("Enter")

    def rename(self, name):
        self.say(f"/nick {name}")
        self.page.wait(f"document.getElementById('name').textContent === {json.dumps(name)}", f"the name {name}")
        self.name = name

    def sees(self, text, among=""):
        """Waits for a row of the conversation with this text."""
        rows = f"{LOG}.filter(row => row.matches({json.dumps(among or '*')}))"
        self.page.wait(f"{rows}.some(row => row.textContent.includes({json.dumps(text)}))", f"{text!r} in a row {among}")

    def texts(self, mark):
        """What the rows with this mark say, in the page's order."""
        return self.page.run(
            f"{LOG}.map(row => row.querySelector('.text').textContent).filter(text => text.includes({json.dumps(mark)}))"
        )

    def confirmed(self):
        self.page.wait("!document.querySelector('#sending *')", "every own message confirmed")


def check(name, holds, detail=""):
    if not holds:
        raise AssertionError(f"{name}: {detail}")


def names_are_taken_and_listed(ann, bob):
    ann.rename(f"ann{MARK}")
    bob.rename(f"bob{MARK}")
    for person in (ann, bob):
        for name in (ann.name, bob.name):
            person.page.wait(f"document.getElementById('list').textContent.includes('{name}')", f"{name} among the members")


def both_see_one_order(ann, bob):
    wanted = []
    for number in range(20):
        for person in (ann, bob):
            wanted.append(f"order-{MARK} {number} of {person.name}")
            person.say(wanted[-1])
    for person in (ann, bob):
        for text in wanted[-2:]:
            person.sees(text)
        person.confirmed()
    seen = ann.texts(f"order-{MARK}")
    check("each once", sorted(seen) == sorted(wanted), seen)
    check("one order", seen == bob.texts(f"order-{MARK}"), seen)


def markup_stays_text(ann, bob):
    said = f"<b>{MARK}</b> <img src=x onerror=alert(1)> שלום 你好 👩‍👩‍👧"
    ann.say(said)
    bob.sees(f"<b>{MARK}</b>")
    check("the text as it was said", bob.texts(f"<b>{MARK}") == [said], bob.texts(f"<b>{MARK}"))
    check("no element of it", bob.page.run("!document.querySelector('#log b, #log img')"))


def links_are_safe(ann, bob):
    ann.say(f"link-{MARK} (https://example.com/a_(b)?c=1). javascript:alert(1) http://user@example.com/ https://example.com\u200e/")
    bob.sees(f"link-{MARK}")
    links = bob.page.run(
        f"{LOG}.filter(row => row.textContent.includes('link-{MARK}'))"
        ".flatMap(row => [...row.querySelectorAll('a')].map(a => [a.href, a.rel, a.target]))"
    )
    safe = ["noopener noreferrer", "_blank"]
    check("the links", links == [["https://example.com/a_(b)?c=1", *safe], ["https://example.com/", *safe]], links)


def an_action_and_a_mention_are_marked(ann, bob):
    ann.say(f"/me waves {MARK}")
    bob.sees(f"{ann.name} waves {MARK}", ".me")
    ann.say(f"{bob.name}: look, {MARK}")
    bob.sees(f"look, {MARK}", ".named")
    ann.confirmed()


def a_private_message_is_private(ann, bob):
    ann.say(f"/msg {bob.name} psst {MARK}")
    bob.sees(f"psst {MARK}", ".private")
    ann.sees(f"private to {bob.name}", ".private.own")
    ann.confirmed()
    ann.say(f"/msg nobody{MARK} hello {MARK}")
    ann.page.wait("document.querySelector('#sending .failed')", "a message that cannot be delivered is marked")
    ann.page.run("[...document.querySelectorAll('#sending button')].find(b => b.textContent === 'Remove').click()")


def a_new_name_is_told(ann, bob):
    old = ann.name
    ann.rename(f"eve{MARK}")
    bob.sees(f"{old} is now {ann.name}", ".quiet")
    bob.page.wait(f"!document.getElementById('list').textContent.includes('{old}')", "the old name gone from the members")
    ann.rename(old)


def what_was_missed_comes_once(ann, bob):
    before = ann.page.run("sockets.length")
    ann.page.run("held = true, last.close()")
    ann.page.wait("document.getElementById('status').textContent.includes('Trying again')", "the loss is told")
    missed = [f"missed-{MARK} {number}" for number in range(3)]
    for text in missed:
        bob.say(text)
    bob.sees(missed[-1])
    ann.page.run("held = false")
    ann.sees(missed[-1])
    ann.page.wait(f"document.getElementById('name').textContent === '{ann.name}'", "the name from before")
    ann.page.wait("document.getElementById('status').hidden", "the strip to go")
    check("each once, in order", ann.texts(f"missed-{MARK}") == missed, ann.texts(f"missed-{MARK}"))
    check("the rest not again", len(ann.texts(f"order-{MARK}")) == 40, len(ann.texts(f"order-{MARK}")))
    check("since", ann.page.run(f"sockets.slice({before}).every(url => /^[?]since=[0-9]+$/.test(url.search))"))
    ann.say(f"back-{MARK}")
    bob.sees(f"back-{MARK}")
    ann.confirmed()


def they_move_between_rooms(ann, bob):
    games = f"games{MARK}"
    in_games, in_lobby = (f"document.getElementById('room').textContent === '{room}'" for room in (games, "lobby"))
    to = "[...document.querySelectorAll('#rooms button')].find(button => button.textContent.startsWith('%s ('))"
    ann.say(f"/join {games}")
    ann.page.wait(in_games, "the room's name")
    ann.say(f"/topic chess {MARK}")
    ann.say(f"unheard-{MARK}")
    ann.confirmed()
    bob.say("/rooms")
    bob.page.wait(f"!!{to % games}", "the room in the list")
    bob.page.run(f"({to % games}).click()")
    bob.page.wait(in_games, "the room's name after a click")
    bob.page.wait(f"document.getElementById('topic').textContent === 'chess {MARK}'", "the topic")
    bob.page.wait(f"({to % games}).getAttribute('aria-current') === 'true'", "the room marked as one's own")
    for person in (ann, bob):
        person.say("/rooms")
        listed = f"document.querySelectorAll('#list li').length === 2 && {to % games}?.textContent === '{games} (2)'"
        person.page.wait(listed, "two here")
    bob.sees(f"unheard-{MARK}")
    # Who has lost its connection comes back to the room in which it was.
    ann.page.run("held = true, last.close()")
    ann.page.wait("document.getElementById('status').textContent.includes('Trying again')", "the loss is told")
    bob.say(f"meanwhile-{MARK}")
    bob.confirmed()
    ann.page.run("held = false")
    ann.sees(f"meanwhile-{MARK}")
    ann.page.wait(f"{in_games} && document.getElementById('status').hidden", "the room from before")
    ann.page.wait(f"document.getElementById('name').textContent === '{ann.name}'", "the name from before")
    check("each once", ann.texts(f"unheard-{MARK}") == [f"unheard-{MARK}"], ann.texts(f"unheard-{MARK}"))
    for person in (ann, bob):
        person.page.wait(f"!!{to % 'lobby'}", "the lobby in the list")
        person.page.run(f"({to % 'lobby'}).click()")
        person.page.wait(in_lobby, "the lobby")
        check("no topic here", person.page.run("document.getElementById('topic').textContent") == "")
    ann.say(f"together-{MARK}")
    bob.sees(f"together-{MARK}")


def an_operator_kicks_and_bans(ann, bob):
    strip = "document.getElementById('status').textContent"
    stays = "socket === null && retryTimer === 0"
    again = "document.querySelector('#status button').click()"
    back = f"joined && document.getElementById('name').textContent === '{ann.name}'"
    bob.say(f"/op {bob.operator}")
    bob.sees("you are an operator", ".quiet")
    check("no password at the up arrow", not bob.page.run("sent.some(line => line.includes('/op'))"))
    bob.say(f"/kick {ann.name} be nice")
    ann.page.wait(f"{strip}.includes('kicked by {bob.name}: be nice')", "why it was kicked")
    check("it does not come back by itself", ann.page.run(stays))
    bob.sees(f"{bob.name} kicked {ann.name}: be nice", ".quiet")
    ann.page.run(again)
    ann.page.wait(back, "that it may come again")
    bob.say(f"/ban {ann.name}")
    for _ in range(2):
        ann.page.wait(f"{strip}.includes('you are banned') && {stays}", "that it is banned")
        ann.page.run(again)
    ann.page.wait(f"{strip}.includes('you are banned') && {stays}", "that it is banned still")
    bob.say(f"/unban {ann.name}")
    bob.sees("lifted the ban", ".quiet")
    ann.page.run(again)
    ann.page.wait(back, "that it may come again")


def the_title_counts_what_was_not_seen(ann, bob):
    ann.page.run("document.hasFocus = () => false")
    bob.say(f"unread-{MARK} 1")
    bob.say(f"unread-{MARK} 2")
    ann.page.wait("document.title.startsWith('(2) ')", "(2) in the title")
    ann.page.run("delete document.hasFocus, dispatchEvent(new Event('focus'))")
    check("seen", not ann.page.run("document.title").startswith("("), ann.page.run("document.title"))


def reading_further_up_is_left_alone(ann, bob):
    ann.page.run("document.getElementById('scroll').scrollTop = 0")
    ann.page.wait("!document.getElementById('newer').hidden", "the button to the end")
    bob.say(f"further down {MARK}")
    ann.page.wait("document.getElementById('newer').textContent === '1 new message'", "the button to count")
    check("still at the top", ann.page.run("document.getElementById('scroll').scrollTop") == 0)
    ann.page.run("document.getElementById('newer').click()")
    ann.page.wait("document.getElementById('newer').hidden", "the end")


def the_keyboard_completes(ann, bob):
    ann.page.run("document.getElementById('say').focus()")
    ann.page.type("/ni")
    ann.page.wait("document.querySelectorAll('#options li').length === 1", "one completion")
    ann.page.press("Tab")
    ann.page.wait("document.getElementById('say').value === '/nick '", "the command")
    ann.page.run("write('')")
    ann.page.type(f"hey {bob.name[:-1]}")
    ann.page.press("Tab")
    ann.page.wait(f"document.getElementById('say').value === 'hey {bob.name} '", "the name")
    ann.page.run("write('')")
    ann.page.press("Tab")
    check("Tab leaves an empty box", ann.page.run("document.activeElement.id !== 'say'"))


def a_telephone_needs_no_sideways_scrolling(ann, bob):
    ann.say("x" * 300)
    ann.confirmed()
    for width in (400, 320):
        ann.page.look(width, 700, mobile=True)
        over = ann.page.run(
            "(() => { const text = document.createRange(); text.selectNodeContents(document.querySelector('#log').lastElementChild);"
            " return [document.documentElement.scrollWidth, Math.ceil(text.getBoundingClientRect().right)] })()"
        )
        check(f"{width} px", max(over) <= width, f"{over} px wide")
        at_end = "(e => e.scrollHeight - e.scrollTop - e.clientHeight < 2)(document.getElementById('scroll'))"
        ann.page.wait(f"document.getElementById('newer').hidden && {at_end}", f"the end still in sight at {width} px")
    ann.page.look()


def nothing_was_refused_or_thrown(ann, bob):
    for person in (ann, bob):
        # The page that was held off was refused its WebSocket by this test.
        found = [text for text in person.page.complaints() if "healthz" not in text]
        check(person.name, not found, found)


CHECKS = [
    names_are_taken_and_listed,
    both_see_one_order,
    markup_stays_text,
    links_are_safe,
    an_action_and_a_mention_are_marked,
    a_private_message_is_private,
    a_new_name_is_told,
    what_was_missed_comes_once,
    they_move_between_rooms,
    the_title_counts_what_was_not_seen,
    reading_further_up_is_left_alone,
    the_keyboard_completes,
    an_operator_kicks_and_bans,
    a_telephone_needs_no_sideways_scrolling,
    nothing_was_refused_or_thrown,
]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url", metavar="URL")
    parser.add_argument("--password", metavar="PASSWORD")
    parser.add_argument("--operator", metavar="PASSWORD", help="of the operators; without it nobody is kicked")
    parser.add_argument("--pictures", metavar="DIRECTORY")
    options = parser.parse_args()
    path = chromium.find()
    if not path:
        print("SKIPPED page: no chromium here")
        return 0
    failed = 0
    with chromium.Chromium(path, "--ignore-certificate-errors") as browser:
        try:
            ann, bob = (Person(browser, options) for _ in range(2))
        except (AssertionError, RuntimeError) as fault:
            print(f"FAILED joining: {fault}")
            return 1
        for step in CHECKS:
            if step is an_operator_kicks_and_bans and not options.operator:
                continue
            name = step.__name__.replace("_", " ")
            try:
                step(ann, bob)
                print(f"ok {name}")
            except (AssertionError, RuntimeError) as fault:
                failed += 1
                print(f"FAILED {name}: {fault}")
        if options.pictures:
            os.makedirs(options.pictures, exist_ok=True)
            for name, look in [("light", {}), ("dark", {"dark": True}), ("narrow", {"width": 400, "mobile": True})]:
                ann.page.look(**look, file=os.path.join(options.pictures, f"page-{name}.png"))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
