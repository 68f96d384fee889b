"""instructor: response models in its modes, whole, in partial objects and one by one."""

import instructor
import openai
from pydantic import BaseModel, Field, field_validator
from scenarios import BASE_URL, CALLERS, INGRID, JOSE, KEY, MODEL, RENEE, SIOBHAN, TIMEOUT_SECONDS, Growing, run, said

client = openai.OpenAI(base_url=BASE_URL, api_key=KEY, timeout=TIMEOUT_SECONDS, max_retries=0)


SAID = ("patient", "birth_date", "phone", "email")


class Patient(BaseModel):
    """A patient of the clinic."""

    patient: str = Field(description="First and last name.")
    birth_date: str = Field(description="YYYY-MM-DD")
    phone: str = Field(description="E.164")
    email: str


class Chart(BaseModel):
    """A patient's chart."""

    patient: str
    mrn: int


class Guest(BaseModel):
    patient: str
    phone: str


class CalendarEvent(BaseModel):
    doctor: str
    room: int
    guests: list[Guest]


VISIT = f"""Please put this visit into the calendar.
doctor: {RENEE["patient"]}; room: 12
{said(SIOBHAN, "patient", "phone")}
{said(INGRID, "patient", "phone")}"""


def create(mode, response_model, content, method="create", **settings):
    made = instructor.from_openai(client, mode=mode)
    messages = [{"role": "user", "content": content}]
    settings = {"max_retries": 1} | settings
    return getattr(made, method)(model=MODEL, response_model=response_model, messages=messages, **settings)


def chart(mode):
    """A spoken number is an integer in the object; instructor rejects a string."""
    return create(mode, Chart, f"Which chart is it?\n{said(RENEE, 'patient', 'mrn')}")


def partial(mode):
    growing = Growing()
    for event in create(mode, CalendarEvent, VISIT, method="create_partial"):
        growing.take(event)
    return growing.end()


def people(mode, **settings):
    lines = "\n".join(said(person, *SAID) for person in CALLERS)
    return list(create(mode, Patient, f"Who are they?\n{lines}", method="create_iterable", **settings))


def asks_again():
    """The second request contains the first answer and its validation error."""
    seen = []

    class Checked(Patient):
        @field_validator("phone")
        @classmethod
        def second_time(cls, value):
            seen.append(value)
            if len(seen) == 1:
                raise ValueError(f"{value} does not answer, ask for it again")
            return value

    return {
        "object": create(instructor.Mode.TOOLS, Checked, f"Who is it?\n{said(JOSE, *SAID)}", max_retries=2),
        "seen": seen,
    }


run(
    {
        "an object by TOOLS": lambda: create(instructor.Mode.TOOLS, Patient, f"Who is it?\n{said(RENEE, *SAID)}"),
        "an object by JSON": lambda: create(instructor.Mode.JSON, Patient, f"Who is it?\n{said(SIOBHAN, *SAID)}"),
        "an object by JSON_SCHEMA": lambda: create(
            instructor.Mode.JSON_SCHEMA, Patient, f"Who is it?\n{said(JOSE, *SAID)}"
        ),
        "an object by MD_JSON": lambda: create(instructor.Mode.MD_JSON, Patient, f"Who is it?\n{said(INGRID, *SAID)}"),
        "an object with a list by TOOLS": lambda: create(instructor.Mode.TOOLS, CalendarEvent, VISIT),
        "an object with a list by JSON": lambda: create(instructor.Mode.JSON, CalendarEvent, VISIT),
        "an object with a masked number by TOOLS": lambda: chart(instructor.Mode.TOOLS),
        "an object with a masked number by JSON_SCHEMA": lambda: chart(instructor.Mode.JSON_SCHEMA),
        "partial objects by TOOLS": lambda: partial(instructor.Mode.TOOLS),
        "partial objects by JSON": lambda: partial(instructor.Mode.JSON),
        "people one by one by TOOLS": lambda: people(instructor.Mode.TOOLS),
        "people one by one by JSON": lambda: people(instructor.Mode.JSON),
        "an object that is asked for again": asks_again,
    }
)
