//! A validator for the part of JSON Schema (draft 7) that the node's document uses. A keyword that it does not know fails the test, so that nothing is passed over. It is
//! stricter than the standard in one point: a member that no schema names is a fault, unless the object is left open on purpose.

use serde_json::{Map, Value};

/// Checks `value` against `schema`; references are looked up in `document`.
pub(crate) fn check(document: &Value, schema: &Value, value: &Value) -> Result<(), String> {
    let Value::Object(schema) = schema else {
        return match schema {
            Value::Bool(true) => Ok(()),
            other => Err(format!("{other} allows nothing")),
        };
    };
    for (keyword, rule) in schema {
        check_keyword(document, schema, keyword, rule, value)
            .map_err(|why| format!("{keyword}: {why}"))?;
    }
    Ok(())
}

fn check_keyword(
    document: &Value,
    schema: &Map<String, Value>,
    keyword: &str,
    rule: &Value,
    value: &Value,
) -> Result<(), String> {
    let each = || rule.as_array().unwrap().iter();
    let fits = |schema: &Value| check(document, schema, value);
    let bound = || rule.as_f64().unwrap();
    match keyword {
        "description" | "title" | "format" | "default" => Ok(()),
        "$ref" => {
            let pointer = rule.as_str().unwrap().strip_prefix('#').unwrap();
            let target = document.pointer(pointer);
            fits(target.unwrap_or_else(|| panic!("{rule} leads nowhere")))
        }
        "type" => {
            let types = rule
                .as_array()
                .cloned()
                .unwrap_or_else(|| vec![rule.clone()]);
            let one = types.iter().any(|name| is_a(name.as_str().unwrap(), value));
            ensure(one, || format!("{value} is not {rule}"))
        }
        "enum" => ensure(each().any(|one| one == value), || {
            format!("{value} is not one of {rule}")
        }),
        "const" => ensure(rule == value, || format!("{value} is not {rule}")),
        "allOf" => each().try_for_each(fits),
        "anyOf" => {
            let found: Vec<_> = each().map(fits).collect();
            ensure(found.iter().any(Result::is_ok), || {
                format!("{value}: {found:?}")
            })
        }
        "oneOf" => {
            let found: Vec<_> = each().map(fits).collect();
            let count = found.iter().filter(|fits| fits.is_ok()).count();
            ensure(count == 1, || format!("{value} fits {count}: {found:?}"))
        }
        "minimum" => ensure(value.as_f64().is_none_or(|n| n >= bound()), || {
            format!("{value}")
        }),
        "maximum" => ensure(value.as_f64().is_none_or(|n| n <= bound()), || {
            format!("{value}")
        }),
        "minLength" | "maxLength" => {
            let length = value
                .as_str()
                .map_or(0.0, |text| text.chars().count() as f64);
            let fits = if keyword == "minLength" {
                length >= bound()
            } else {
                length <= bound()
            };
            ensure(fits || !value.is_string(), || format!("{value}"))
        }
        "pattern" => {
            let text = value.as_str().unwrap_or_default();
            ensure(
                !value.is_string() || matches(rule.as_str().unwrap(), text),
                || format!("{value} is not {rule}"),
            )
        }
        "items" => {
            let items = value.as_array().into_iter().flatten();
            items
                .clone()
                .try_for_each(|item| check(document, rule, item))
        }
        "required" => {
            let missing =
                |name: &&Value| value.is_object() && value.get(name.as_str().unwrap()).is_none();
            let missing = each().find(missing);
            ensure(missing.is_none(), || {
                format!("{} is missing in {value}", missing.unwrap())
            })
        }
        "properties" => {
            let rules = rule.as_object().unwrap();
            let members = value.as_object().into_iter().flatten();
            for (name, member) in members {
                match rules.get(name) {
                    Some(schema) => {
                        check(document, schema, member).map_err(|why| format!("{name}: {why}"))?
                    }
                    None => {
                        let open = schema
                            .get("additionalProperties")
                            .is_some_and(|open| *open != false);
                        ensure(open, || format!("{name} is not described"))?;
                    }
                }
            }
            Ok(())
        }
        "additionalProperties" => {
            let named = schema.get("properties").and_then(Value::as_object);
            let members = value.as_object().into_iter().flatten();
            let others =
                members.filter(|(name, _)| named.is_none_or(|named| !named.contains_key(*name)));
            for (name, member) in others {
                check(document, rule, member).map_err(|why| format!("{name}: {why}"))?;
            }
            Ok(())
        }
        unknown => panic!("the validator does not know `{unknown}`"),
    }
}

fn ensure(holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(otherwise()) }
}

fn is_a(name: &str, value: &Value) -> bool {
    match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        unknown => panic!("no type `{unknown}`"),
    }
}

/// The patterns of the document, each written out.
fn matches(pattern: &str, text: &str) -> bool {
    let hex = |text: &str| text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    match pattern {
        "^[0-9a-f]{64}$" => text.len() == 64 && hex(text),
        "^[0-9a-f]{8}$" => text.len() == 8 && hex(text),
        "^([0-9a-f]{2})*$" => text.len().is_multiple_of(2) && hex(text),
        "^[0-9]+$" => !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()),
        "^[a-z0-9-]+$" => {
            !text.is_empty()
                && text
                    .bytes()
                    .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'))
        }
        "^(head|trusted|[0-9a-f]{64})$" => {
            ["head", "trusted"].contains(&text) || (text.len() == 64 && hex(text))
        }
        unknown => panic!("the validator does not know the pattern {unknown}"),
    }
}

#[test]
fn the_validator_finds_what_is_wrong() {
    use serde_json::json;
    let document = json!({"components": {"schemas": {
        "Id": {"type": "string", "pattern": "^[0-9a-f]{8}$"},
        "Thing": {"type": "object", "properties": {"id": {"$ref": "#/components/schemas/Id"}, "n": {"type": ["integer", "null"], "minimum": 1}}, "required": ["id"]},
    }}});
    let thing = json!({"allOf": [{"$ref": "#/components/schemas/Thing"}], "description": "x"});
    let fits = |value: Value| check(&document, &thing, &value).is_ok();
    assert!(fits(json!({"id": "0123abcd"})) && fits(json!({"id": "0123abcd", "n": null})));
    for wrong in [
        json!({}),
        json!({"id": "0123ABCD"}),
        json!({"id": "0123abcd", "n": 0}),
        json!({"id": "0123abcd", "n": "1"}),
        json!({"id": "0123abcd", "more": 1}),
        json!([]),
    ] {
        assert!(!fits(wrong.clone()), "{wrong}");
    }
    let one = json!({"oneOf": [{"const": 1}, {"enum": [1, 2]}]});
    assert!(
        check(&document, &one, &json!(1)).is_err() && check(&document, &one, &json!(2)).is_ok()
    );
    let map = json!({"type": "object", "additionalProperties": {"type": "array", "items": {"type": "boolean"}}});
    assert!(check(&document, &map, &json!({"a": [true]})).is_ok());
    assert!(check(&document, &map, &json!({"a": [1]})).is_err());
}
