//! The body of a write: a JSON object, read field by field, so that everything that is wrong with it is said at once.

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::rejection::JsonRejection;
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use serde_json::{Map, Value};

use super::body::Unread;
use super::error::{ApiError, Detail};
use crate::chat::size;

/// A body that is being read. `null` stands for a field that is not there. A field that nobody asked for is wrong.
///
/// Take it as `body: Result<Fields, ApiError>`: a caller who may not call is told so before what is wrong with the body.
pub struct Fields {
    body: Map<String, Value>,
    known: Vec<&'static str>,
    wrong: Vec<Detail>,
}

impl Fields {
    /// Of a body that was read already.
    pub fn of(body: Value) -> Result<Self, ApiError> {
        let Value::Object(body) = body else { return Err(ApiError::field("body", "must be a JSON object")) };
        Ok(Self { body, known: Vec::new(), wrong: Vec::new() })
    }

    /// A text that must be there. Where it is not, [`Fields::finish`] fails: until then there is `None`.
    pub fn text(&mut self, field: &'static str) -> Option<String> {
        self.required(field, Self::text_if)
    }

    /// A text.
    pub fn text_if(&mut self, field: &'static str) -> Option<String> {
        match self.value(field)? {
            Value::String(text) => Some(text),
            _ => self.is_wrong(field, "must be a string"),
        }
    }

    /// A list of texts that must be there.
    pub fn texts(&mut self, field: &'static str) -> Option<Vec<String>> {
        self.required(field, Self::texts_if)
    }

    /// A list of texts.
    pub fn texts_if(&mut self, field: &'static str) -> Option<Vec<String>> {
        let texts = match self.value(field)? {
            Value::Array(items) => items.into_iter().map(|item| match item {
                Value::String(text) => Some(text),
                _ => None,
            }),
            _ => return self.is_wrong(field, "must be a list of strings"),
        };
        texts.collect::<Option<Vec<_>>>().or_else(|| self.is_wrong(field, "must be a list of strings"))
    }

    /// `true` or `false`.
    pub fn flag_if(&mut self, field: &'static str) -> Option<bool> {
        match self.value(field)? {
            Value::Bool(flag) => Some(flag),
            _ => self.is_wrong(field, "must be true or false"),
        }
    }

    /// Whatever stands there but `null`.
    pub fn value(&mut self, field: &'static str) -> Option<Value> {
        self.known.push(field);
        self.body.get(field).filter(|value| !value.is_null()).cloned()
    }

    /// Whether the field is there, be it `null`: a change that takes something away.
    pub fn names(&self, field: &str) -> bool {
        self.body.contains_key(field)
    }

    /// What `read` makes of a field's value; the field is wrong where that is nothing.
    pub fn check<T, U>(
        &mut self,
        field: &str,
        value: Option<T>,
        read: impl FnOnce(T) -> Option<U>,
        message: &str,
    ) -> Option<U> {
        read(value?).or_else(|| self.is_wrong(field, message))
    }

    /// Notes that a field is wrong. Returns `None`, for the field's value.
    pub fn is_wrong<T>(&mut self, field: &str, message: impl Into<String>) -> Option<T> {
        self.wrong.push(Detail { field: field.into(), message: message.into() });
        None
    }

    /// # Errors
    /// 422 with everything that was wrong, fields that nobody asked for included.
    pub fn finish(mut self) -> Result<(), ApiError> {
        let names = self.known.join(", ");
        for field in self.body.keys().filter(|field| !self.known.contains(&field.as_str())) {
            self.wrong.push(Detail { field: field.clone(), message: format!("is none of {names}") });
        }
        if self.wrong.is_empty() { Ok(()) } else { Err(ApiError::validation(self.wrong)) }
    }

    /// What `read` reads, or a note that there is nothing to read.
    fn required<T>(&mut self, field: &'static str, read: fn(&mut Self, &'static str) -> Option<T>) -> Option<T> {
        let noted = self.wrong.len();
        let value = read(self, field);
        if value.is_none() && self.wrong.len() == noted {
            let message = if self.names(field) { "must not be null" } else { "is required" };
            return self.is_wrong(field, message);
        }
        value
    }
}

impl<S: Send + Sync> FromRequest<S> for Fields {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let (parts, body) = request.into_parts();
        let bytes = Bytes::from_request(Request::from_parts(parts.clone(), body), state).await;
        let bytes = bytes.map_err(|rejection| body_error(rejection.into()))?;
        if size::is_too_much(&bytes) {
            return Err(ApiError::field("body", size::TOO_MANY));
        }
        let request = Request::from_parts(parts, Body::from(bytes));
        let Json(body) = Json::from_request(request, state).await.map_err(body_error)?;
        Self::of(body)
    }
}

/// Why a body that is to be JSON is none.
pub fn body_error(rejection: JsonRejection) -> ApiError {
    match rejection {
        JsonRejection::MissingJsonContentType(_) => {
            let message = "send JSON with Content-Type: application/json";
            ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", message)
        }
        JsonRejection::BytesRejection(rejection) => Unread::of_rejection(&rejection).into(),
        // Where it stops being JSON; serde's words on that quote nothing.
        other => ApiError::field("body", other.body_text()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn details(error: ApiError) -> Vec<(String, String)> {
        error.details().iter().map(|detail| (detail.field.clone(), detail.message.clone())).collect()
    }

    #[test]
    fn everything_that_is_wrong_is_said_at_once() {
        let body = json!({"b": 1, "c": ["x", 2], "d": "yes", "e": null, "f": 0, "g": "long"});
        let mut fields = Fields::of(body).expect("an object");
        assert_eq!(fields.text("a"), None);
        assert_eq!(fields.text_if("b"), None);
        assert_eq!(fields.texts("c"), None);
        assert_eq!(fields.flag_if("d"), None);
        assert_eq!(fields.text_if("e"), None);
        let text = fields.text("g");
        assert_eq!(fields.check("g", text, |text| (text.len() < 3).then_some(text), "is too long"), None);
        assert_eq!(fields.check("b", None::<String>, Some, "was said to be wrong already"), None);
        let wrong = details(fields.finish().expect_err("wrong"));
        let wrong: Vec<(&str, &str)> = wrong.iter().map(|(field, message)| (&**field, &**message)).collect();
        assert_eq!(
            wrong,
            [
                ("a", "is required"),
                ("b", "must be a string"),
                ("c", "must be a list of strings"),
                ("d", "must be true or false"),
                ("g", "is too long"),
                ("f", "is none of a, b, c, d, e, g"),
            ]
        );
    }

    #[test]
    fn a_sound_body_is_read() {
        let mut fields = Fields::of(json!({"a": "x", "b": ["y"], "c": false, "d": null})).expect("an object");
        assert_eq!(fields.text("a").as_deref(), Some("x"));
        assert_eq!((fields.texts("b"), fields.flag_if("c")), (Some(vec!["y".into()]), Some(false)));
        assert!(fields.names("d") && !fields.names("e"));
        assert_eq!(fields.value("d"), None);
        fields.finish().expect("sound");
    }

    #[test]
    fn a_required_field_may_not_be_null() {
        let mut fields = Fields::of(json!({"a": null})).expect("an object");
        fields.text("a");
        assert_eq!(details(fields.finish().expect_err("wrong")), [("a".to_owned(), "must not be null".to_owned())]);
    }
}
