//! `expand[]`: puts an object in the place of its id.

use serde_json::{Value, json};

use crate::domain::rejection::Rejection;

/// Stripe follows at most four segments.
const DEEPEST: usize = 4;

/// Where expansion finds objects.
pub trait Library {
    /// The shape of the object with this id.
    fn object(&self, id: &str) -> Option<Value>;

    /// The list of line items of the session with this id.
    fn line_items(&self, session_id: &str) -> Option<Value>;
}

/// Expands every path, as in `payment_intent.latest_charge` or, in a list, `data.payment_intent`.
pub fn expand(shape: &mut Value, paths: &[String], library: &impl Library) -> Result<(), Rejection> {
    for path in paths {
        let segments: Vec<&str> = path.split('.').collect();
        if segments.len() > DEEPEST {
            return Err(refusal(path));
        }
        descend(shape, &segments, path, library)?;
    }
    Ok(())
}

fn descend(
    shape: &mut Value,
    segments: &[&str],
    path: &str,
    library: &impl Library,
) -> Result<(), Rejection> {
    let Some((segment, rest)) = segments.split_first() else {
        return Ok(());
    };
    if *segment == "data" {
        let rows = shape.get_mut("data").and_then(Value::as_array_mut).ok_or_else(|| refusal(path))?;
        return rows.iter_mut().try_for_each(|row| descend(row, rest, path, library));
    }
    if *segment == "line_items" && shape["object"] == json!("checkout.session") {
        let id = shape["id"].as_str().unwrap_or_default().to_owned();
        let items = library.line_items(&id).ok_or_else(|| refusal(path))?;
        shape["line_items"] = items;
        return Ok(());
    }
    let member = shape.get_mut(*segment).ok_or_else(|| refusal(path))?;
    match member {
        // There is nothing to expand yet.
        Value::Null => return Ok(()),
        Value::String(id) => {
            *member = library.object(id).ok_or_else(|| refusal(path))?;
        }
        Value::Object(_) => {}
        _ => return Err(refusal(path)),
    }
    descend(member, rest, path, library)
}

fn refusal(path: &str) -> Rejection {
    Rejection::invalid(format!("This property cannot be expanded ({path}).")).about("expand")
}
