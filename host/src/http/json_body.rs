//! JSON request bodies. [`json_body!`] turns one declaration into the struct that a handler uses, its OpenAPI schema,
//! and a reader that reports all errors in a body at once.

mod field;

use axum::Json;
use axum::body::{Body as HttpBody, Bytes};
use axum::extract::rejection::JsonRejection;
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use serde_json::{Map, Value};

use super::body::Unread;
use super::error::ApiError;
use super::mistakes::Mistakes;
use crate::chat::size;

use field::Field;
pub use field::Kept;

/// Limit on the unknown fields reported, so that the response does not grow with the request.
const MOST_UNKNOWN: usize = 20;

/// Declares a body. The type of a field determines whether it is optional:
///
/// | type | absent | `null` |
/// | --- | --- | --- |
/// | `T` | error | error |
/// | `Option<T>` | `None` | `None` |
/// | `Option<Option<T>>` | `None`: unchanged | `Some(None)`: reset to the default |
/// | [`Kept<T>`] | `None`: unchanged | error |
macro_rules! json_body {
    ($(#[$about:meta])* pub struct $name:ident { $($(#[$note:meta])* $field:ident: $type:ty,)* }) => {
        #[derive(utoipa::ToSchema)]
        #[serde(deny_unknown_fields)]
        $(#[$about])*
        pub struct $name { $($(#[$note])* pub $field: $type,)* }

        impl $crate::http::json_body::Body for $name {
            const FIELDS: &'static [&'static str] = &[$(stringify!($field)),*];

            fn read(body: &mut $crate::http::json_body::Reader) -> Self {
                Self { $($field: body.field(stringify!($field)),)* }
            }
        }
    };
}
pub(crate) use json_body;

/// A type declared with [`json_body!`].
pub trait Body: Sized {
    /// The names of its fields.
    const FIELDS: &'static [&'static str];

    /// Reads every field. An invalid field is recorded and set to the default of its type.
    fn read(body: &mut Reader) -> Self;
}

/// A parsed body with the errors found so far. The body is accessible only if there are none.
///
/// Take it as `body: Result<JsonBody<B>, ApiError>`, so that a handler can check permissions before it reports
/// errors in the body.
pub struct JsonBody<B> {
    body: B,
    wrong: Mistakes,
}

impl<B: Body> JsonBody<B> {
    /// Creates a body from parsed JSON.
    fn of(body: Value) -> Result<Self, ApiError> {
        let Value::Object(object) = body else { return Err(ApiError::field("body", "must be a JSON object")) };
        let mut reader = Reader { object, wrong: Mistakes::default() };
        let body = B::read(&mut reader);
        let Reader { object, mut wrong } = reader;
        let unknown = object.keys().filter(|field| !B::FIELDS.contains(&field.as_str()));
        for unknown in unknown.take(MOST_UNKNOWN) {
            wrong.add(unknown, format!("unknown field, expected one of {}", B::FIELDS.join(", ")));
        }
        Ok(Self { body, wrong })
    }

    /// Returns the body.
    ///
    /// # Errors
    /// Same as [`JsonBody::check`].
    pub fn sound(self) -> Result<B, ApiError> {
        self.check(|body, _| body)
    }

    /// Converts the body with `check`, which may record further errors.
    ///
    /// # Errors
    /// 422 with all errors, in field order; unknown fields come last.
    pub fn check<T>(mut self, check: impl FnOnce(B, &mut Mistakes) -> T) -> Result<T, ApiError> {
        let checked = check(self.body, &mut self.wrong);
        self.wrong.refuse_or(checked, B::FIELDS)
    }
}

/// Reads fields from an object.
pub struct Reader {
    object: Map<String, Value>,
    wrong: Mistakes,
}

impl Reader {
    /// Reads a field. An invalid one yields the default of its type.
    pub fn field<T: Field>(&mut self, name: &str) -> T {
        T::read(self.object.get_mut(name).map(Value::take)).unwrap_or_else(|message| {
            self.wrong.add(name, message);
            T::default()
        })
    }
}

impl<B: Body, S: Send + Sync> FromRequest<S> for JsonBody<B> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let (parts, body) = request.into_parts();
        let bytes = Bytes::from_request(Request::from_parts(parts.clone(), body), state).await;
        let bytes = bytes.map_err(|rejection| body_error(rejection.into()))?;
        if size::is_too_much(&bytes) {
            return Err(ApiError::field("body", size::TOO_MANY));
        }
        let request = Request::from_parts(parts, HttpBody::from(bytes));
        let Json(body) = Json::from_request(request, state).await.map_err(body_error)?;
        Self::of(body)
    }
}

/// The error of a body that could not be read as JSON.
fn body_error(rejection: JsonRejection) -> ApiError {
    match rejection {
        JsonRejection::MissingJsonContentType(_) => {
            let message = "send JSON with Content-Type: application/json";
            ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", message)
        }
        JsonRejection::BytesRejection(rejection) => Unread::of_rejection(&rejection).into(),
        // The position of the syntax error. serde's message for it quotes nothing from the body.
        other => ApiError::field("body", other.body_text()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use utoipa::PartialSchema;

    use super::*;

    json_body! {
        /// A body with a field of every type.
        pub struct Every {
            /// Required.
            a: String,
            b: Option<String>,
            c: Option<Vec<String>>,
            d: Option<bool>,
            e: Option<Option<String>>,
            #[schema(value_type = String, required = false)]
            f: Kept<String>,
            g: Option<Value>,
        }
    }

    fn wrong(body: Value) -> Vec<(String, String)> {
        let error = JsonBody::<Every>::of(body).and_then(|body| {
            body.check(|body, wrong| wrong.check("b", body.b, |text| (text.len() < 3).then_some(text), "must be short"))
        });
        let details = error.expect_err("wrong").details().to_vec();
        details.into_iter().map(|detail| (detail.field, detail.message)).collect()
    }

    #[test]
    fn everything_that_is_wrong_is_said_at_once_in_the_order_of_the_fields() {
        let known = "unknown field, expected one of a, b, c, d, e, f, g";
        for (body, expected) in [
            (
                json!({"z": 0, "b": "long", "c": ["x", 2], "d": "yes", "e": 1, "f": null, "y": 0}),
                &[
                    ("a", "is required"),
                    ("b", "must be short"),
                    ("c", "must be a list of strings"),
                    ("d", "must be true or false"),
                    ("e", "must be a string"),
                    ("f", "must not be null"),
                    ("z", known),
                    ("y", known),
                ][..],
            ),
            // An invalid field is not checked further.
            (json!({"a": null, "b": 1}), &[("a", "must not be null"), ("b", "must be a string")]),
            (json!(["a"]), &[("body", "must be a JSON object")]),
        ] {
            let wrong = wrong(body);
            let wrong: Vec<(&str, &str)> = wrong.iter().map(|(field, message)| (&**field, &**message)).collect();
            assert_eq!(wrong, expected);
        }
    }

    #[test]
    fn of_many_unknown_fields_some_are_named() {
        let many: Map<String, Value> = (0..1000).map(|n| (format!("x{n}"), Value::Null)).collect();
        let unknown = wrong(many.into()).into_iter().filter(|(_, message)| message.starts_with("unknown field"));
        assert_eq!(unknown.count(), MOST_UNKNOWN);
    }

    fn read(body: Value) -> Every {
        JsonBody::of(body).and_then(JsonBody::sound).expect("sound")
    }

    #[test]
    fn a_change_tells_absent_from_null_from_a_value() {
        let none = read(json!({"a": "x"}));
        assert_eq!((none.b, none.c, none.d, none.e, none.f.0, none.g), (None, None, None, None, None, None));
        let nulls = read(json!({"a": "x", "b": null, "c": null, "d": null, "e": null, "g": null}));
        assert_eq!((nulls.b, nulls.c, nulls.d, nulls.e, nulls.g), (None, None, None, Some(None), None));
        let full = read(json!({"a": "x", "b": "y", "c": ["z"], "d": false, "e": "e", "f": "f", "g": [1]}));
        assert_eq!((full.a.as_str(), full.b.as_deref(), full.c), ("x", Some("y"), Some(vec!["z".into()])));
        assert_eq!((full.d, full.e, full.f.0), (Some(false), Some(Some("e".into())), Some("f".into())));
        assert_eq!(full.g, Some(json!([1])));
    }

    #[test]
    fn the_schema_says_what_the_reading_does() {
        let schema = json!(Every::schema());
        assert_eq!((&schema["required"], &schema["additionalProperties"]), (&json!(["a"]), &json!(false)));
        let types: Vec<&Value> = ["a", "b", "e", "f"].map(|field| &schema["properties"][field]["type"]).to_vec();
        assert_eq!(types, [&json!("string"), &json!(["string", "null"]), &json!(["string", "null"]), &json!("string")]);
    }
}
