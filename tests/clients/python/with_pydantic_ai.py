"""pydantic-ai: tools, and typed results in each of its output modes."""

from openai import AsyncOpenAI
from pydantic import BaseModel
from pydantic_ai import Agent, NativeOutput, PromptedOutput, ToolOutput
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider
from scenarios import BASE_URL, CALLERS, INGRID, JOSE, KEY, MODEL, RENEE, SIOBHAN, TIMEOUT_SECONDS, Growing, run, said

SYSTEM = "You answer the phone for a small clinic. Be brief and friendly."

client = AsyncOpenAI(base_url=BASE_URL, api_key=KEY, timeout=TIMEOUT_SECONDS, max_retries=0)
model = OpenAIChatModel(MODEL, provider=OpenAIProvider(openai_client=client))


class Patient(BaseModel):
    patient: str
    birth_date: str
    phone: str
    email: str
    mrn: int


class Family(BaseModel):
    """Patients with one telephone number."""

    phone: str
    members: list["Member"]


class Member(BaseModel):
    patient: str
    birth_date: str


class Booked(BaseModel):
    patient: str
    birth_date: str


class Declined(BaseModel):
    reason: str


def agent(output_type=str, record=None, calls=None):
    # No retries: a failure must be visible.
    made = Agent(model, output_type=output_type, instructions=SYSTEM, retries=0)
    if record:

        @made.tool_plain
        def find_patient(patient: str) -> Patient:
            """Finds the record of a patient."""
            calls.append(["find_patient", patient])
            return Patient(**record)

    return made


def tool_and_result(output, record):
    calls = []
    result = agent(output(Patient), record, calls).run_sync(f"Who is it?\npatient: {INGRID['patient']}")
    return {"calls": calls, "output": result.output}


def tool_and_text():
    calls = []
    result = agent(str, JOSE, calls).run_sync(f"Who is it?\npatient: {JOSE['patient']}")
    return {"calls": calls, "output": result.output}


def remembers():
    calls = []
    made = agent(Patient, SIOBHAN, calls)
    first = made.run_sync(f"Who is it?\npatient: {SIOBHAN['patient']}")
    second = made.run_sync(
        f"And my name again?\n{said(SIOBHAN, 'patient', 'phone')}", message_history=first.all_messages()
    )
    return {"calls": calls, "outputs": [first.output, second.output]}


def people():
    lines = "\n".join(said(person) for person in CALLERS)
    return agent(list[Patient]).run_sync(f"Who are they?\n{lines}").output


def family():
    text = f"{said(RENEE, 'phone')}\n{said(RENEE, 'patient', 'birth_date')}\n{said(JOSE, 'patient', 'birth_date')}"
    return agent(Family).run_sync(f"Who are they?\n{text}").output


def one_of_two():
    """Its tools are `final_result_Booked` and `final_result_Declined`."""
    return agent([Booked, Declined]).run_sync(f"A visit please.\n{said(INGRID, 'patient', 'birth_date')}").output


def union():
    return agent(Booked | Declined).run_sync(f"A visit please.\n{said(RENEE, 'patient', 'birth_date')}").output


def names_of_platforms():
    calls = []
    made = agent()

    @made.tool_plain
    def transferCall(destination: str) -> str:
        """Transfers the call."""
        calls.append(["transferCall", destination])
        return "transferred"

    @made.tool_plain
    def endCall() -> str:
        """Ends the call."""
        calls.append(["endCall"])
        return "ended"

    result = made.run_sync(f"Connect me with Siobhan please.\ndestination: {SIOBHAN['phone']}")
    return {"calls": calls, "output": result.output}


def output_streams(output):
    result = agent(output(Family)).run_stream_sync(
        f"Who are they?\n{said(INGRID, 'phone')}\n{said(INGRID, 'patient', 'birth_date')}\n{said(SIOBHAN, 'patient', 'birth_date')}"
    )
    growing = Growing()
    for partial in result.stream_output(debounce_by=None):
        growing.take(partial)
    return growing.end()


def text_streams():
    result = agent().run_stream_sync(f"Say it again please.\n{said(RENEE)}")
    return "".join(result.stream_text(delta=True, debounce_by=None))


run(
    {
        "a tool and a result by a tool": lambda: tool_and_result(ToolOutput, RENEE),
        "a tool and a result by a schema": lambda: tool_and_result(NativeOutput, SIOBHAN),
        "a tool and a result by instructions": lambda: tool_and_result(PromptedOutput, JOSE),
        "a tool and a text": tool_and_text,
        "an agent remembers": remembers,
        "a list of people": people,
        "an object with a list of people": family,
        "one of two results, by two tools": one_of_two,
        "a union": union,
        "tools have the names that platforms give them": names_of_platforms,
        "a result streams by a tool": lambda: output_streams(ToolOutput),
        "a result streams by a schema": lambda: output_streams(NativeOutput),
        "a stream of text": text_streams,
    }
)
