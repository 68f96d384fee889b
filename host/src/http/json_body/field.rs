//! The types that a field of a body can have, and how each is read.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// A field of a body.
pub trait Field: Default {
    /// Reads the field.
    ///
    /// # Errors
    /// What is wrong with the value.
    fn read(given: Option<Value>) -> Result<Self, &'static str>;
}

/// A JSON type and the error message for values of other types.
pub trait Typed: DeserializeOwned {
    const EXPECTED: &'static str;
}

impl Typed for String {
    const EXPECTED: &'static str = "must be a string";
}

impl Typed for bool {
    const EXPECTED: &'static str = "must be true or false";
}

impl Typed for Vec<String> {
    const EXPECTED: &'static str = "must be a list of strings";
}

impl Typed for Map<String, Value> {
    const EXPECTED: &'static str = "must be a JSON object";
}

impl Typed for Value {
    const EXPECTED: &'static str = "must be JSON";
}

fn typed<T: Typed>(value: Value) -> Result<T, &'static str> {
    serde_json::from_value(value).map_err(|_| T::EXPECTED)
}

impl<T: Typed + Default> Field for T {
    fn read(given: Option<Value>) -> Result<Self, &'static str> {
        match given {
            None => Err("is required"),
            Some(Value::Null) => Err("must not be null"),
            Some(value) => typed(value),
        }
    }
}

impl<T: Typed> Field for Option<T> {
    fn read(given: Option<Value>) -> Result<Self, &'static str> {
        given.filter(|value| !value.is_null()).map(typed).transpose()
    }
}

impl<T: Typed> Field for Option<Option<T>> {
    fn read(given: Option<Value>) -> Result<Self, &'static str> {
        given.map(|value| Option::read(Some(value))).transpose()
    }
}

/// A field that an update may omit but not reset.
#[derive(Default)]
pub struct Kept<T>(pub Option<T>);

impl<T: Typed + Default> Field for Kept<T> {
    fn read(given: Option<Value>) -> Result<Self, &'static str> {
        given.map(|value| T::read(Some(value))).transpose().map(Self)
    }
}
