"""Uses the portal like a person: sign in, create an agent, view a masked call, download reports, install a plugin, break a policy."""
import json
import pathlib
import sys
import urllib.request

from selenium import webdriver
from selenium.common.exceptions import NoSuchElementException, StaleElementReferenceException
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select, WebDriverWait

base, link, plugin, axe, work = sys.argv[1:]
axe = pathlib.Path(axe).read_text(encoding="utf-8")
downloads = pathlib.Path(work) / "downloads"
downloads.mkdir()

options = webdriver.ChromeOptions()
for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--force-prefers-reduced-motion", "--window-size=1280,1000"):
    options.add_argument(argument)
options.binary_location = "/usr/bin/chromium"
options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
options.add_experimental_option("prefs", {"download.default_directory": str(downloads), "plugins.always_open_pdf_externally": True})
browser = webdriver.Chrome(options=options, service=webdriver.ChromeService("/usr/bin/chromedriver"))
# Retry while a page is being redrawn.
wait = WebDriverWait(browser, 60, ignored_exceptions=[NoSuchElementException, StaleElementReferenceException])
passed = 0


def ok(what):
    global passed
    passed += 1
    print("ok ", what, flush=True)


def find(selector):
    return wait.until(lambda b: b.find_element(By.CSS_SELECTOR, selector))


def button(text):
    return wait.until(lambda b: next((e for e in b.find_elements(By.CSS_SELECTOR, "button, a.button") if e.text.strip() == text), None))


def follow_first_row():
    """The list is redrawn when a session ends: a row that disappeared before the click is looked up again."""
    wait.until(lambda b: b.find_element(By.CSS_SELECTOR, "tbody a").click() is None)


def page(path, title):
    browser.get(base + path)
    wait.until(lambda b: b.execute_script("return document.querySelector('main h1')?.innerText") == title)


def says(text):
    # In one script: between finding an element and reading its text the page may be redrawn.
    wait.until(lambda b: text in b.execute_script("return document.body.innerText"))


def call(path, body):
    request = urllib.request.Request(base + path, json.dumps(body).encode(), {"content-type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def sound(name):
    """Asserts that axe finds no problem, in both themes."""
    for theme in ("light", "dark"):
        browser.execute_script("document.documentElement.dataset.theme = arguments[0]", theme)
        browser.execute_script(axe)
        found = browser.execute_async_script("const done = arguments[0]; axe.run({resultTypes: ['violations']}).then((r) => done(r.violations.map((v) => v.id + ': ' + v.nodes.map((n) => n.target.join(' ') + ' ' + n.failureSummary).join('; '))))")
        assert not found, f"{name}, {theme}: {found}"


try:
    browser.get(base + "/portal")
    says("masker admin login-link")
    sound("sign-in")
    ok("who is not signed in is told how to")
    browser.get_log("browser")  # The 401 that says so.

    browser.get(link)
    find("button").click()
    says("No agents yet")
    sound("empty dashboard")
    ok("a one-time link signs in, and the empty dashboard says what is next")

    page("/portal/policies/healthcare-default", "Copy of healthcare-default")
    area = find("textarea[name=yaml]")
    text = area.get_property("value").replace("log_payloads: false", "log_payloads: true")
    browser.execute_script("arguments[0].value = arguments[1]; arguments[0].dispatchEvent(new Event('input'))", area, text + "\nentitties: {}\n")
    says("entitties")
    button("Save as new policy").click()
    says("the policy is invalid")
    ok("a broken policy is refused with its position, and the editor keeps it")
    browser.execute_script("arguments[0].value = arguments[1]; arguments[0].dispatchEvent(new Event('input'))", area, text)
    says("This policy is valid.")
    button("Save as new policy").click()
    wait.until(lambda b: b.find_element(By.CSS_SELECTOR, "main h1").text == "my-healthcare-default")
    sound("policy")
    ok("a policy of one's own is saved")
    browser.get_log("browser")  # The 422 of the broken one.

    page("/portal/agents?new", "New agent")
    sound("new agent")
    find("input[name=name]").send_keys("Front desk")
    model = find("input[name=upstream]")
    model.clear()
    model.send_keys("stub")
    Select(find("select[name=policy_name]")).select_by_value("my-healthcare-default")
    Select(find("select[name=platform]")).select_by_value("vapi")
    button("Create agent").click()
    wait.until(lambda b: b.find_element(By.CSS_SELECTOR, "main h1").text == "Front desk")
    sound("agent")
    url = find(".copy code").text
    ok("an agent is made, and its page has the URL to paste")

    said = "My name is Maria Gonzalez, call me at 415-555-0134."
    answer = call(url[len(base):] + "/chat/completions", {"messages": [{"role": "user", "content": said}]})
    assert "Maria Gonzalez" in answer["choices"][0]["message"]["content"], answer
    page("/portal/sessions", "Sessions")
    follow_first_row()
    says("What was said, and what the model received")
    body = find("main").text
    assert "Maria Gonzalez" in body and "MSKV1.NAME." in body and "restored" in body, body
    sound("session")
    ok("the call is there: what was said, what the model got, what came back")

    for form in ("PDF", "JSON"):
        button(f"Report, {form}").click()
    wait.until(lambda b: {file.suffix for file in downloads.iterdir()} == {".pdf", ".json"})
    wait.until(lambda b: all(file.stat().st_size > 1000 for file in downloads.iterdir()))
    report = json.loads(next(downloads.glob("*.json")).read_text(encoding="utf-8"))["report"]
    assert report["scope"] == "session" and report["signature"]["alg"] == "Ed25519", report["scope"]
    assert next(downloads.glob("*.pdf")).read_bytes().startswith(b"%PDF-")
    ok("both reports come down")

    page("/portal/plugins", "Plugins")
    sound("plugins")
    find("input[name=component]").send_keys(plugin)
    button("Install").click()
    says("staff-id is installed")
    ok("a plugin is installed")
    browser.execute_script("document.querySelectorAll('details').forEach((d) => d.open = true)")
    remove = button("Remove")
    browser.execute_script("arguments[0].click()", remove)
    find("dialog[open] button[value=yes]").click()
    wait.until(lambda b: "staff-id" not in b.find_element(By.TAG_NAME, "main").text)
    ok("and removed again, when that was confirmed")

    page("/portal/journal", "Journal and reports")
    button("Verify").click()
    says("The journal is intact")
    sound("journal")
    ok("the journal verifies")

    page("/portal/playground", "Playground")
    Select(find("select[name=other]")).select_by_value("minimal")
    button("Mask").click()
    says("The model receives")
    wait.until(lambda b: len(b.find_elements(By.CSS_SELECTOR, "main .two > .card")) == 2)
    sound("playground")
    ok("two policies are compared on a text")

    page("/portal/settings", "Settings")
    find("input[name=name]").send_keys("ci")
    find("input[value='agents:read']").click()
    button("Create token").click()
    says("mskt_")
    sound("settings")
    ok("a token is made and shown once")
    says("Chrome on Linux (this one)")
    says("K_HEALTHCARE")
    says("First seen")
    ok("settings name the browsers that are signed in, and the keys with their ages")

    for path, title in (("/portal", "Dashboard"), ("/portal/agents", "Agents"), ("/portal/policies", "Policies"), ("/portal/nowhere", "Page not found")):
        page(path, title)
        sound(title)
    browser.set_window_size(390, 800)
    for path, title in (("/portal", "Dashboard"), ("/portal/sessions", "Sessions"), ("/portal/settings", "Settings")):
        page(path, title)
        wide = browser.execute_script("return document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, f"{path} is {wide} pixels too wide on a phone"
    ok("every page passes axe in both themes, and fits on a phone")

    # There were no errors other than the deliberate ones.
    errors = [entry["message"] for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]
    assert not errors, errors
    requested = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    urls = {event["params"]["request"]["url"] for event in requested if event["method"] == "Network.requestWillBeSent"}
    foreign = [address for address in urls if not address.startswith((base, "data:", "blob:", "chrome"))]
    assert urls and not foreign, foreign
    ok("no error in the console, and no request to another host")

    browser.set_window_size(1280, 1000)
    page("/portal/sessions", "Sessions")
    follow_first_row()
    says("Maria Gonzalez")
    page("/portal/settings", "Settings")
    find("input[name=name]").send_keys("cd")
    find("input[value='agents:read']").click()
    button("Create token").click()
    says("mskt_")
    button("Sign out").click()
    says("masker admin login-link")
    for _ in range(3):
        browser.back()
        says("masker admin login-link")
        left = browser.execute_script("return document.documentElement.outerHTML")
        assert "mskt_" not in left and "Maria" not in left, left
    ok("who goes back after signing out sees nothing of what was there")
    print(f"{passed} passed")
except BaseException:
    browser.save_screenshot("/tmp/masker-portal-failed.png")
    print(browser.current_url, file=sys.stderr)
    print(browser.find_element(By.TAG_NAME, "body").text[:3000], file=sys.stderr)
    raise
finally:
    browser.quit()
