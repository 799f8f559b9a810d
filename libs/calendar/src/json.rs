//! JSON payloads entry by entry: one event, an array of events, a list response.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use crate::format::Report;
use crate::{Error, Limits, Place, Reason, Severity};

/// JSON values of one payload; many more than any list of events of that size has.
const VALUES: usize = 6_000_000;

/// An entry and its JSON pointer.
pub(crate) struct Entry {
    pub(crate) pointer: String,
    pub(crate) object: Map<String, Value>,
}

/// The entries of a payload, and the fields around the list they stand in.
#[derive(Default)]
pub(crate) struct Entries {
    pub(crate) list: Vec<Entry>,
    pub(crate) around: Map<String, Value>,
}

/// Reads all entries. `key` is the field of a list response that holds them, `marks` are fields of
/// which an object has at least one if it is an event.
pub(crate) fn entries(
    bytes: &[u8],
    key: &'static str,
    marks: &[&str],
    name: &'static str,
    limits: &Limits,
    report: &mut Report,
) -> Result<Entries, Error> {
    let text = match String::from_utf8_lossy(bytes) {
        std::borrow::Cow::Borrowed(text) => std::borrow::Cow::Borrowed(text),
        owned => {
            report.invalid_text();
            owned
        }
    };
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let left = Cell::new(VALUES);
    let mut reader = serde_json::Deserializer::from_str(text);
    let value = Counted(&left)
        .deserialize(&mut reader)
        .and_then(|value| reader.end().map(|()| value))
        .map_err(|error| {
            if left.get() == 0 {
                return Error::TooLarge { found: VALUES + 1, limit: VALUES, unit: "JSON values" };
            }
            // serde_json ends its messages with the position, which goes into fields here.
            let message = error.to_string();
            let message = message.split(" at line ").next().unwrap_or_default().to_owned();
            Error::Json { line: error.line(), column: error.column(), message }
        })?;
    let mut found = Entries::default();
    spread(value, String::new(), 0, key, &mut found, limits, report)?;
    let lone = found.list.first().filter(|entry| entry.pointer.is_empty());
    if lone.is_some_and(|entry| !marks.iter().any(|mark| entry.object.contains_key(*mark))) {
        return Err(Error::NoEventObject(name));
    }
    Ok(found)
}

fn spread(
    value: Value,
    pointer: String,
    depth: usize,
    key: &str,
    found: &mut Entries,
    limits: &Limits,
    report: &mut Report,
) -> Result<(), Error> {
    match value {
        Value::Array(values) if depth < 3 => {
            for (index, value) in values.into_iter().enumerate() {
                let pointer = format!("{pointer}/{index}");
                spread(value, pointer, depth + 1, key, found, limits, report)?;
            }
            Ok(())
        }
        Value::Object(mut object) => {
            if depth < 3
                && let Some(Value::Array(_)) = object.get(key)
            {
                let list = object.remove(key).unwrap_or_default();
                if found.around.is_empty() {
                    found.around = object;
                }
                return spread(
                    list,
                    format!("{pointer}/{key}"),
                    depth + 1,
                    key,
                    found,
                    limits,
                    report,
                );
            }
            if found.list.len() >= limits.components {
                let limit = limits.components;
                return Err(Error::TooLarge { found: limit + 1, limit, unit: "events" });
            }
            found.list.push(Entry { pointer, object });
            Ok(())
        }
        Value::Array(_) | Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            if pointer.is_empty() {
                return Err(Error::NoEventObject("calendar"));
            }
            let text = "the entry is no object".to_owned();
            let place = Place::Pointer(pointer);
            report.push(place, None, Severity::Dropped, Reason::BrokenStructure, text);
            Ok(())
        }
    }
}

/// Builds a [`Value`] and counts what is in it, so that a small payload cannot become a large one.
struct Counted<'a>(&'a Cell<usize>);

impl<'de> DeserializeSeed<'de> for Counted<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Counted<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = access.next_element_seed(Counted(self.0))? {
            self.count()?;
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(key) = access.next_key::<String>()? {
            self.count()?;
            map.insert(key, access.next_value_seed(Counted(self.0))?);
        }
        Ok(Value::Object(map))
    }
}

impl Counted<'_> {
    fn count<E: serde::de::Error>(&self) -> Result<(), E> {
        self.0.set(self.0.get().saturating_sub(1));
        if self.0.get() == 0 {
            return Err(E::custom("too many values"));
        }
        Ok(())
    }
}

/// Reading fields of an object that may have any shape.
pub(crate) trait Fields {
    /// A field, unless it is absent or null.
    fn field(&self, name: &str) -> Option<&Value>;

    /// A text.
    fn text(&self, name: &str) -> Option<&str> {
        self.field(name)?.as_str()
    }

    /// A text that says something.
    fn said(&self, name: &str) -> Option<&str> {
        self.text(name).filter(|text| !text.trim().is_empty())
    }

    /// Whether a flag is set.
    fn flag(&self, name: &str) -> bool {
        self.field(name).and_then(Value::as_bool).unwrap_or(false)
    }

    /// The members of an array; none if there is no array.
    fn list(&self, name: &str) -> &[Value] {
        self.field(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }
}

impl Fields for Map<String, Value> {
    fn field(&self, name: &str) -> Option<&Value> {
        self.get(name).filter(|value| !value.is_null())
    }
}

impl Fields for Value {
    fn field(&self, name: &str) -> Option<&Value> {
        self.get(name).filter(|value| !value.is_null())
    }
}
