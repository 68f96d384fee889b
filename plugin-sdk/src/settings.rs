//! What a policy may write under a plugin's `config`, as a type.

use serde::Deserialize;
use serde::de::DeserializeOwned;

/// Settings that are read from JSON and have a schema. [`settings!`](crate::settings) implements both.
pub trait Settings: DeserializeOwned {
    /// JSON Schema of the settings. Masker validates a policy's `config` against it before `configure` is called, so
    /// that an error names the location.
    fn schema() -> String;
}

/// For a plugin without settings: accepts only `{}`.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoSettings {}

impl Settings for NoSettings {
    fn schema() -> String {
        r#"{"type": "object", "additionalProperties": false}"#.into()
    }
}

/// Declares a plugin's settings: a struct whose fields all have a default. It rejects unknown keys; its JSON Schema is
/// generated from the fields and their docs.
///
/// ```
/// masker_plugin_sdk::settings! {
///     /// What the badges of this hospital look like.
///     pub struct Settings {
///         /// The letters before the digits.
///         #[schemars(regex(pattern = "^[A-Z]{1,4}$"))]
///         pub prefix: String = "WX".into(),
///         /// How many digits follow.
///         #[schemars(range(min = 3, max = 12))]
///         pub digits: u8 = 5,
///     }
/// }
///
/// use masker_plugin_sdk::Settings as _;
/// assert_eq!(Settings::default().digits, 5);
/// assert!(Settings::schema().contains(r#""maximum":12"#));
/// ```
///
/// Attributes of [`schemars`](https://graham.cool/schemars/deriving/attributes/) narrow the accepted values. Masker
/// checks them, not the plugin, so they hold in every language and cost nothing per request.
#[macro_export]
macro_rules! settings {
    (
        $(#[$about:meta])*
        $visible:vis struct $name:ident {
            $( $(#[$field_about:meta])* $field_visible:vis $field:ident : $type:ty = $default:expr ),* $(,)?
        }
    ) => {
        $(#[$about])*
        #[derive(Debug, Clone, $crate::serde::Deserialize, $crate::schemars::JsonSchema)]
        #[serde(crate = "masker_plugin_sdk::serde", default, deny_unknown_fields)]
        #[schemars(crate = "masker_plugin_sdk::schemars")]
        $visible struct $name {
            $( $(#[$field_about])* $field_visible $field: $type, )*
        }

        impl ::std::default::Default for $name {
            fn default() -> Self {
                Self { $( $field: $default, )* }
            }
        }

        impl $crate::Settings for $name {
            fn schema() -> ::std::string::String {
                $crate::schemars::schema_for!($name).to_value().to_string()
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    settings! {
        /// Two fields.
        struct Example {
            /// Of the badge.
            prefix: String = "WX".into(),
            /// How many.
            #[schemars(range(min = 3, max = 12))]
            digits: u8 = 5,
        }
    }

    #[test]
    fn what_is_left_out_has_its_default() {
        let settings: Example = serde_json::from_str(r#"{"digits": 7}"#).expect("reads");
        assert_eq!((settings.prefix.as_str(), settings.digits), ("WX", 7));
    }

    #[test]
    fn a_key_that_nobody_knows_is_refused_by_its_name() {
        let error = serde_json::from_str::<Example>(r#"{"prefx": "A"}"#).expect_err("refused");
        assert!(error.to_string().contains("prefx"), "{error}");
        assert!(serde_json::from_str::<NoSettings>(r#"{"a": 1}"#).is_err());
    }

    #[test]
    fn the_schema_says_what_the_fields_take() {
        let schema: serde_json::Value = serde_json::from_str(&Example::schema()).expect("JSON");
        assert_eq!(schema["additionalProperties"], false);
        assert_eq!(schema["properties"]["digits"]["maximum"], 12);
        assert_eq!(schema["properties"]["prefix"]["description"], "Of the badge.");
        assert_eq!(schema["properties"]["prefix"]["default"], "WX");
        assert_eq!(schema.get("required"), None);
    }
}
