"""Pictures of every page of the portal, for docs/portal.md and for developers: light, dark and on a phone."""
import pathlib
import sys
import time

from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

base, link, plugin, _axe, out = sys.argv[1:]
out = pathlib.Path(out)
out.mkdir(parents=True, exist_ok=True)

options = webdriver.ChromeOptions()
for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars", "--force-prefers-reduced-motion", "--window-size=1280,860"):
    options.add_argument(argument)
options.binary_location = "/usr/bin/chromium"
browser = webdriver.Chrome(options=options, service=webdriver.ChromeService("/usr/bin/chromedriver"))
wait = WebDriverWait(browser, 60)

CALLS = {
    "Front desk": [
        "hi this is maria gonzalez i need to move my appointment",
        "my date of birth is march fourteenth nineteen eighty two",
        "you can reach me at four one five five five five oh one three four",
        "my member id is K R eight eight two one oh four",
    ],
    "Refill line": ["it's for john abara", "12 Oak Lane, Springfield", "jabara@example.com please", "thank you"],
    "Billing": ["the card is 4111 1111 1111 1111", "my ssn is 536-22-0134", "nothing else"],
}


def fetch(method, path, body=None, call=None):
    """Calls the API like the page itself: with the cookie only."""
    script = """
      const [method, path, body, call, done] = arguments;
      const headers = {"content-type": "application/json"};
      if (call) headers["masker-session-id"] = call;
      fetch(path, {method, headers, body: body === null ? undefined : JSON.stringify(body)}).then((r) => r.json()).then(done, (e) => done({error: String(e)}));
    """
    answer = browser.execute_async_script(script, method, path, body, call)
    assert answer is None or "error" not in answer or path == "/health", answer
    return answer


def picture(name):
    time.sleep(0.4)  # The charts and the last row are drawn.
    browser.save_screenshot(str(out / f"{name}.png"))


def shoot(name, path, title, prepare=None):
    for look, theme, size in (("light", "light", (1280, 860)), ("dark", "dark", (1280, 860)), ("phone", "light", (390, 844))):
        browser.set_window_size(*size)
        browser.get(base + path)
        wait.until(lambda b: b.execute_script("return document.querySelector('main h1')?.innerText") == title)
        browser.execute_script("document.documentElement.dataset.theme = arguments[0]", theme)
        if prepare:
            prepare()
        picture(f"{name}-{look}")


def click(text):
    element = wait.until(lambda b: next((e for e in b.find_elements(By.CSS_SELECTOR, "button") if e.text.strip() == text), None))
    browser.execute_script("arguments[0].click()", element)


def says(text):
    wait.until(lambda b: text in b.execute_script("return document.body.innerText"))


try:
    browser.get(base + "/portal")
    says("masker admin login-link")
    picture("sign-in-light")
    browser.get(link)
    browser.find_element(By.CSS_SELECTOR, "button").click()
    says("No agents yet")
    picture("empty-light")

    policy = fetch("GET", "/api/v1/policies/healthcare-default")["policy"]["policy_yaml"].replace("log_payloads: false", "log_payloads: true")
    agents = {}
    for name, platform in (("Front desk", "vapi"), ("Refill line", "twilio"), ("Billing", "bolna")):
        body = {"name": name, "upstream": "stub", "platform": platform, "policy_yaml": policy}
        agents[name] = fetch("POST", "/api/v1/agents", body)["agent"]
    for name, lines in CALLS.items():
        path = agents[name]["proxy_url"].replace(base, "")
        path = path[path.index("/proxy/"):]
        messages = []
        for line in lines:
            messages.append({"role": "user", "content": line})
            answer = fetch("POST", path, {"messages": messages}, call=f"call-{name.split()[0].lower()}-1")
            messages.append(answer["choices"][0]["message"])
    time.sleep(1)  # The rows of the last calls are written in a batch.

    front = agents["Front desk"]["id"]
    sessions = fetch("GET", f"/api/v1/sessions?agent_id={front}")["data"]
    shoot("dashboard", "/portal", "Dashboard")
    shoot("agents", "/portal/agents", "Agents")
    shoot("agent-new", "/portal/agents?new", "New agent")
    shoot("agent", f"/portal/agents/{front}", "Front desk")
    shoot("sessions", "/portal/sessions", "Sessions")
    browser.get(f"{base}/portal/sessions/{sessions[0]['id']}")
    says("What was said")
    shoot("session", f"/portal/sessions/{sessions[0]['id']}", browser.execute_script("return document.querySelector('main h1').innerText"))
    shoot("policies", "/portal/policies", "Policies")
    shoot("policy", "/portal/policies/healthcare-default", "Copy of healthcare-default")
    shoot("plugins", "/portal/plugins", "Plugins")

    def mask():
        click("Mask")
        says("The model receives")

    def verify():
        click("Verify")
        says("The journal is intact")

    shoot("playground", "/portal/playground", "Playground", mask)
    shoot("journal", "/portal/journal", "Journal and reports", verify)
    shoot("settings", "/portal/settings", "Settings")
    print(f"{len(list(out.glob('*.png')))} pictures in {out}")
except BaseException:
    print(browser.current_url, browser.find_element(By.TAG_NAME, "body").text[:2000], file=sys.stderr)
    raise
finally:
    browser.quit()
