"""LangChain: its agent loop, tools as people write them, and structured output in each of its methods."""

import json

from langchain.agents import create_agent
from langchain.agents.structured_output import ProviderStrategy, ToolStrategy
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from pydantic import BaseModel, Field
from scenarios import (
    BASE_URL,
    CALLERS,
    INGRID,
    JOSE,
    KEY,
    MODEL,
    RECORDS,
    RENEE,
    SIOBHAN,
    TIMEOUT_SECONDS,
    Growing,
    run,
    said,
)

SYSTEM = "You answer the phone for a small clinic. Be brief and friendly."

llm = ChatOpenAI(base_url=BASE_URL, model=MODEL, api_key=KEY, timeout=TIMEOUT_SECONDS, max_retries=0)


class Attendee(BaseModel):
    patient: str = Field(description="Who comes.")
    phone: str = Field(description="Where to call back.")


class CalendarEvent(BaseModel):
    """A visit in the calendar."""

    doctor: str = Field(description="Whom they see.")
    room: int = Field(description="The number of the room.")
    attendees: list[Attendee]
    remark: str | None = None


class Patient(BaseModel):
    """A patient of the clinic."""

    patient: str
    birth_date: str
    phone: str
    email: str
    mrn: int


VISIT = f"""Please put this visit into the calendar.
doctor: {SIOBHAN["patient"]}; room: 12
{said(INGRID, "patient", "phone")}
{said(JOSE, "patient", "phone")}"""


# The model does not repeat it: this only checks that it does not receive it.
LETTER = (
    "<p>Dear Jos&eacute; Mart&iacute;nez,</p><p>Jos&#233; Mart&#xED;nez,</p>"
    '<a href="/visits?patient=Jos%C3%A9%20Mart%C3%ADnez">your visits</a>'
)


class Desk:
    """The tools of a clinic's desk. Records each call."""

    def __init__(self, result):
        self.calls = []
        desk = self

        @tool
        def find_patient(patient: str):
            """Finds the record of a patient."""
            desk.calls.append(["find_patient", patient])
            return result

        @tool
        def book_visit(patient: str, birth_date: str, phone: str, mrn: int) -> str:
            """Books a visit."""
            desk.calls.append(["book_visit", patient, birth_date, phone, mrn])
            return "booked"

        self.tools = [find_patient, book_visit]


def agent_loop(result):
    desk = Desk(result)
    agent = create_agent(llm, desk.tools, system_prompt=SYSTEM)
    content = f"Hello, a visit for {INGRID['patient']} please.\npatient: {INGRID['patient']}"
    state = agent.invoke({"messages": [{"role": "user", "content": content}]})
    # LangChain runs the calls of one message concurrently.
    return {"calls": sorted(desk.calls), "answer": state["messages"][-1].content}


def parts(*texts):
    return [{"type": "text", "text": text} for text in texts]


def agent_streams():
    desk = Desk(RENEE)
    agent = create_agent(llm, desk.tools, system_prompt=SYSTEM)
    question = {"messages": [{"role": "user", "content": f"A visit please.\npatient: {RENEE['patient']}"}]}
    text, arguments = "", ""
    for chunk, _ in agent.stream(question, stream_mode="messages"):
        if chunk.type == "AIMessageChunk":
            text += chunk.text
            arguments += "".join(call["args"] or "" for call in chunk.tool_call_chunks)
    return {"calls": desk.calls, "text": text, "arguments": arguments}


def agent_remembers():
    """The second turn sends the first one back, tool calls and results included."""
    desk = Desk(SIOBHAN)
    agent = create_agent(llm, desk.tools, system_prompt=SYSTEM)
    first = agent.invoke({"messages": [{"role": "user", "content": f"A visit please.\npatient: {SIOBHAN['patient']}"}]})
    again = {"role": "user", "content": f"And one for my son, at the same number.\npatient: {JOSE['patient']}"}
    second = agent.invoke({"messages": [*first["messages"], again]})
    return {"calls": desk.calls, "answers": [state["messages"][-1].content for state in (first, second)]}


def agent_with_response_format(strategy):
    desk = Desk(JOSE)
    agent = create_agent(llm, desk.tools, system_prompt=SYSTEM, response_format=strategy(Patient))
    state = agent.invoke({"messages": [{"role": "user", "content": f"Who is it?\npatient: {JOSE['patient']}"}]})
    return {"calls": desk.calls, "object": state["structured_response"]}


def names_of_platforms():
    """Tools with the names that voice platforms and tutorials give them, called several at once."""
    calls = []

    @tool
    def getWeather(city: str) -> str:
        """The weather of a city."""
        calls.append(["getWeather", city])
        return "It will rain."

    @tool
    def sendSMS(phone: str, text: str) -> str:
        """Sends a text message."""
        calls.append(["sendSMS", phone, text])
        return "sent"

    @tool
    def transferCall(destination: str) -> str:
        """Transfers the call."""
        calls.append(["transferCall", destination])
        return "transferred"

    @tool
    def endCall() -> str:
        """Ends the call."""
        calls.append(["endCall"])
        return "ended"

    agent = create_agent(llm, [getWeather, sendSMS, transferCall, endCall], system_prompt=SYSTEM)
    content = f"""Text them both, and then connect me.
city: Chicago
{said(INGRID, "phone")}; text: See you at ten.
{said(RENEE, "phone")}; text: See you at eleven.
destination: {SIOBHAN["phone"]}"""
    state = agent.invoke({"messages": [{"role": "user", "content": content}]})
    return {"calls": sorted(calls), "answer": state["messages"][-1].content}


def structured(method):
    return llm.with_structured_output(CalendarEvent, method=method).invoke(VISIT)


def json_mode():
    content = f"Answer in JSON.\n{said(RENEE)}"
    return llm.with_structured_output(Patient, method="json_mode").invoke(content)


def structured_stream(method):
    growing = Growing()
    for event in llm.with_structured_output(CalendarEvent.model_json_schema(), method=method).stream(VISIT):
        growing.take(event)
    return growing.end()


def doctors():
    """Lists of people as a text has them."""

    class Doctors(BaseModel):
        free: list[str]
        busy: list[str]

    names = [person["patient"] for person in CALLERS]
    content = "Who is there?\nfree:\n- " + "\n- ".join(names[:3]) + "\nbusy: " + ", ".join(reversed(names))
    return llm.with_structured_output(Doctors, method="json_schema").invoke(content)


def spoken_stream():
    return "".join(chunk.text for chunk in llm.stream(f"Say it again please.\n{said(SIOBHAN)}"))


run(
    {
        "an agent's tool returns an object": lambda: agent_loop(RENEE),
        "an agent's tool returns JSON as json.dumps writes it": lambda: agent_loop(json.dumps(RENEE)),
        "an agent's tool returns JSON in JSON": lambda: agent_loop(json.dumps(json.dumps(SIOBHAN))),
        "an agent's tool returns JSON behind a word": lambda: agent_loop("Result: " + json.dumps(RENEE)),
        "an agent's tool returns text parts, as MCP does": lambda: agent_loop(parts(json.dumps(JOSE), LETTER)),
        "an agent's tool returns indented JSON below other keys": lambda: agent_loop(
            json.dumps({"ok": True, "page": 1, "results": [{"patient": JOSE}]}, indent=2)
        ),
        "an agent's tool returns many people": lambda: agent_loop(parts(json.dumps({"patients": RECORDS}))),
        "an agent streams": agent_streams,
        "an agent remembers": agent_remembers,
        "an agent answers with an object, by a tool": lambda: agent_with_response_format(ToolStrategy),
        "an agent answers with an object, by a schema": lambda: agent_with_response_format(ProviderStrategy),
        "tools have the names that platforms give them": names_of_platforms,
        "structured output by json_schema": lambda: structured("json_schema"),
        "structured output by function_calling": lambda: structured("function_calling"),
        "structured output by json_mode": json_mode,
        "structured output streams by json_schema": lambda: structured_stream("json_schema"),
        "structured output streams by function_calling": lambda: structured_stream("function_calling"),
        "lists of people": doctors,
        "a stream of text": spoken_stream,
    }
)
