//! Stripe's request bodies: form fields with brackets (`line_items[0][quantity]=1`) and how they are read.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use url::form_urlencoded;

use super::rejection::Rejection;

/// Labels that a caller puts on an object.
pub type Metadata = BTreeMap<String, String>;

/// How deep brackets may nest; Stripe's own calls stay below six.
const DEEPEST: usize = 12;

#[derive(Clone, Debug, PartialEq, Eq)]
enum Field {
    Text(String),
    Section(BTreeMap<String, Field>),
}

/// The fields of a request, or of one section of it. Reading takes a field out; what is left at the
/// end was not understood, and [`Params::finish`] refuses it as Stripe refuses unknown parameters.
#[derive(Clone, Debug)]
pub struct Params {
    /// The section's own name, as in `line_items[0]`; empty at the top.
    path: String,
    fields: BTreeMap<String, Field>,
}

impl Params {
    /// Reads a form body or a query string.
    pub fn decode(encoded: &[u8]) -> Result<Self, Rejection> {
        let mut fields = BTreeMap::new();
        for (name, value) in form_urlencoded::parse(encoded) {
            let keys = split_brackets(&name)
                .ok_or_else(|| Rejection::invalid(format!("Invalid parameter name: {name}")))?;
            insert(&mut fields, &keys, value.into_owned())
                .ok_or_else(|| Rejection::invalid(format!("Conflicting parameter: {name}")))?;
        }
        Ok(Self { path: String::new(), fields })
    }

    /// The same for equal requests, whatever the order of their fields was.
    pub fn fingerprint(&self) -> String {
        as_json(&self.fields).to_string()
    }

    /// The full name of a field of this section, as Stripe's errors write it.
    pub fn name_of(&self, field: &str) -> String {
        if self.path.is_empty() { field.to_owned() } else { format!("{}[{field}]", self.path) }
    }

    pub fn text(&mut self, field: &str) -> Result<Option<String>, Rejection> {
        match self.fields.remove(field) {
            None => Ok(None),
            Some(Field::Text(text)) if text.is_empty() => {
                let name = self.name_of(field);
                Err(Rejection::invalid(format!(
                    "You passed an empty string for '{name}'. Leave it out if it has no value."
                ))
                .about(name)
                .coded("parameter_invalid_empty"))
            }
            Some(Field::Text(text)) => Ok(Some(text)),
            Some(Field::Section(_)) => Err(self.not_a("string", field)),
        }
    }

    pub fn required_text(&mut self, field: &str) -> Result<String, Rejection> {
        self.text(field)?.ok_or_else(|| Rejection::missing(&self.name_of(field)))
    }

    pub fn text_up_to(&mut self, field: &str, longest: usize) -> Result<Option<String>, Rejection> {
        let text = self.text(field)?;
        if text.as_ref().is_some_and(|text| text.chars().count() > longest) {
            let name = self.name_of(field);
            return Err(Rejection::invalid(format!("Invalid string: must be at most {longest} characters"))
                .about(name)
                .coded("parameter_invalid_string"));
        }
        Ok(text)
    }

    pub fn integer(&mut self, field: &str) -> Result<Option<i64>, Rejection> {
        let Some(text) = self.text(field)? else {
            return Ok(None);
        };
        text.parse().map(Some).map_err(|_| {
            Rejection::invalid(format!("Invalid integer: {text}"))
                .about(self.name_of(field))
                .coded("parameter_invalid_integer")
        })
    }

    pub fn required_integer(&mut self, field: &str) -> Result<i64, Rejection> {
        self.integer(field)?.ok_or_else(|| Rejection::missing(&self.name_of(field)))
    }

    pub fn boolean(&mut self, field: &str) -> Result<Option<bool>, Rejection> {
        match self.text(field)?.as_deref() {
            None => Ok(None),
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(text) => {
                Err(Rejection::invalid(format!("Invalid boolean: {text}")).about(self.name_of(field)))
            }
        }
    }

    /// One of the given words.
    pub fn choice(&mut self, field: &str, among: &[&'static str]) -> Result<Option<&'static str>, Rejection> {
        let Some(text) = self.text(field)? else {
            return Ok(None);
        };
        let found = among.iter().find(|word| **word == text);
        found.map(|word| Some(*word)).ok_or_else(|| {
            Rejection::invalid(format!("Invalid {field}: must be one of {}", among.join(", ")))
                .about(self.name_of(field))
        })
    }

    /// An absolute http or https address. Stripe's placeholders in braces are allowed in it.
    pub fn address(&mut self, field: &str) -> Result<Option<String>, Rejection> {
        let Some(text) = self.text(field)? else {
            return Ok(None);
        };
        let valid = url::Url::parse(&text)
            .is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        if valid {
            Ok(Some(text))
        } else {
            Err(Rejection::invalid("Not a valid URL").about(self.name_of(field)).coded("url_invalid"))
        }
    }

    pub fn metadata(&mut self) -> Result<Metadata, Rejection> {
        let name = self.name_of("metadata");
        let Some(section) = self.section("metadata")? else {
            return Ok(Metadata::new());
        };
        if section.fields.len() > 50 {
            return Err(Rejection::invalid("Metadata can have up to 50 keys.").about(name));
        }
        let mut metadata = Metadata::new();
        for (key, field) in section.fields {
            let Field::Text(value) = field else {
                return Err(Rejection::invalid("Metadata values must be strings.").about(name));
            };
            if key.chars().count() > 40 || value.chars().count() > 500 {
                return Err(Rejection::invalid(
                    "Metadata keys have at most 40 characters and values at most 500.",
                )
                .about(format!("{name}[{key}]")));
            }
            // Stripe unsets a key that is sent with an empty value.
            if !value.is_empty() {
                metadata.insert(key, value);
            }
        }
        Ok(metadata)
    }

    pub fn section(&mut self, field: &str) -> Result<Option<Self>, Rejection> {
        match self.fields.remove(field) {
            None => Ok(None),
            Some(Field::Section(fields)) => Ok(Some(Self { path: self.name_of(field), fields })),
            // An empty value is how a form writes an empty section.
            Some(Field::Text(text)) if text.is_empty() => Ok(None),
            Some(Field::Text(_)) => Err(self.not_a("object", field)),
        }
    }

    /// The sections of a list, in the order of their numbers.
    pub fn sections(&mut self, field: &str) -> Result<Vec<Self>, Rejection> {
        let path = self.name_of(field);
        self.numbered(field)?
            .into_iter()
            .map(|(position, element)| match element {
                Field::Section(fields) => Ok(Self { path: format!("{path}[{position}]"), fields }),
                Field::Text(_) => {
                    Err(Rejection::invalid("Invalid object").about(format!("{path}[{position}]")))
                }
            })
            .collect()
    }

    /// The texts of a list, in the order of their numbers.
    pub fn texts(&mut self, field: &str) -> Result<Vec<String>, Rejection> {
        let path = self.name_of(field);
        self.numbered(field)?
            .into_iter()
            .map(|(position, element)| match element {
                Field::Text(text) => Ok(text),
                Field::Section(_) => {
                    Err(Rejection::invalid("Invalid string").about(format!("{path}[{position}]")))
                }
            })
            .collect()
    }

    /// A single text, if the field is there and is not a section.
    pub fn has_text(&self, field: &str) -> bool {
        matches!(self.fields.get(field), Some(Field::Text(_)))
    }

    /// Refuses what nobody has read.
    pub fn finish(self) -> Result<(), Rejection> {
        match self.fields.first_key_value() {
            None => Ok(()),
            Some((field, _)) => {
                let name = self.name_of(field);
                Err(Rejection::invalid(format!("Received unknown parameter: {name}"))
                    .about(name)
                    .coded("parameter_unknown"))
            }
        }
    }

    fn numbered(&mut self, field: &str) -> Result<Vec<(usize, Field)>, Rejection> {
        let Some(section) = self.section(field)? else {
            return Ok(Vec::new());
        };
        let mut elements = Vec::with_capacity(section.fields.len());
        for (key, element) in section.fields {
            let position = key
                .parse::<usize>()
                .map_err(|_| Rejection::invalid("Invalid array").about(section.path.clone()))?;
            elements.push((position, element));
        }
        elements.sort_by_key(|(position, _)| *position);
        Ok(elements)
    }

    fn not_a(&self, expected: &str, field: &str) -> Rejection {
        Rejection::invalid(format!("Invalid {expected}")).about(self.name_of(field))
    }
}

/// `a[b][0]` into `a`, `b`, `0`; nothing when the brackets do not match.
fn split_brackets(name: &str) -> Option<Vec<&str>> {
    let Some((head, mut rest)) = name.split_once('[') else {
        return (!name.is_empty() && !name.contains(']')).then(|| vec![name]);
    };
    let mut keys = vec![head];
    loop {
        let (key, after) = rest.split_once(']')?;
        keys.push(key);
        if after.is_empty() {
            break;
        }
        rest = after.strip_prefix('[')?;
    }
    let whole = !head.is_empty() && keys.len() <= DEEPEST && keys.iter().all(|key| !key.contains(['[', ']']));
    whole.then_some(keys)
}

/// Nothing when a field is at once a text and a section.
fn insert(fields: &mut BTreeMap<String, Field>, keys: &[&str], value: String) -> Option<()> {
    let (first, rest) = keys.split_first()?;
    // `expand[]=x` appends: an empty key takes the next free number.
    let key = if first.is_empty() { fields.len().to_string() } else { (*first).to_owned() };
    if rest.is_empty() {
        return match fields.insert(key, Field::Text(value)) {
            Some(Field::Section(_)) => None,
            _ => Some(()),
        };
    }
    match fields.entry(key).or_insert_with(|| Field::Section(BTreeMap::new())) {
        Field::Section(inner) => insert(inner, rest, value),
        Field::Text(_) => None,
    }
}

fn as_json(fields: &BTreeMap<String, Field>) -> Value {
    let members = fields.iter().map(|(key, field)| {
        let value = match field {
            Field::Text(text) => Value::String(text.clone()),
            Field::Section(inner) => as_json(inner),
        };
        (key.clone(), value)
    });
    Value::Object(Map::from_iter(members))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(form: &str) -> Params {
        Params::decode(form.as_bytes()).unwrap()
    }

    #[test]
    fn lists_keep_their_order_beyond_nine_and_whatever_the_order_of_the_fields() {
        let form = (0..12)
            .rev()
            .map(|n| format!("payment_method_types%5B{n}%5D=m{n}"))
            .collect::<Vec<_>>()
            .join("&");
        let texts = decoded(&form).texts("payment_method_types").unwrap();
        assert_eq!(texts[2], "m2");
        assert_eq!(texts[11], "m11");
        assert_eq!(decoded("expand[]=a&expand[]=b").texts("expand").unwrap(), ["a", "b"]);
    }

    #[test]
    fn errors_name_the_parameter_with_its_brackets() {
        let mut form = decoded("line_items[0][price_data][unit_amount]=x");
        let mut item = form.sections("line_items").unwrap().remove(0);
        let mut price = item.section("price_data").unwrap().unwrap();
        let fault = price.required_integer("unit_amount").unwrap_err();
        assert_eq!(fault.param.as_deref(), Some("line_items[0][price_data][unit_amount]"));
        let fault = price.required_text("currency").unwrap_err();
        assert_eq!(fault.code, Some("parameter_missing"));
    }

    #[test]
    fn a_parameter_that_nobody_read_is_refused() {
        let fault = decoded("mode=payment&nonsense=1");
        let mut params = fault;
        assert_eq!(params.choice("mode", &["payment"]).unwrap(), Some("payment"));
        let fault = params.finish().unwrap_err();
        assert_eq!(fault.code, Some("parameter_unknown"));
        assert_eq!(fault.param.as_deref(), Some("nonsense"));
    }

    #[test]
    fn malformed_names_are_refused() {
        for form in ["a[b=1", "[a]=1", "a]=1", "a[b]c=1", "a=1&a[b]=2", "a[b]=1&a=2", "=1"] {
            assert!(Params::decode(form.as_bytes()).is_err(), "{form}");
        }
    }

    #[test]
    fn equal_requests_have_equal_fingerprints() {
        assert_eq!(decoded("a=1&b[c]=2").fingerprint(), decoded("b[c]=2&a=1").fingerprint());
        assert_ne!(decoded("a=1").fingerprint(), decoded("a=2").fingerprint());
    }
}
