//! Users, settings, locks.

use std::sync::Arc;

use axum::extract::{Path, State};
use serde_json::{Value, json};

use super::{Asked, error, no_user, page};
use crate::Reply;
use crate::zoom::Inner;
use crate::zoom::state::User;

type Of = (State<Arc<Inner>>, Path<String>);

/// `GET /users`
pub(super) async fn list(State(inner): State<Arc<Inner>>, asked: Asked) -> Reply {
    let state = inner.state();
    let active = state.users.values().filter(|user| user.user["status"] == "active");
    let all: Vec<Value> = active.map(|user| user.user.clone()).collect();
    page("users", &all, &asked)
}

/// `GET /users/{user}`
pub(super) async fn user((State(inner), Path(id)): Of) -> Reply {
    with(&inner, &id, |user| user.user.clone())
}

/// `GET /users/{user}/settings`, or what `option` asks for.
pub(super) async fn settings((State(inner), Path(id)): Of, asked: Asked) -> Reply {
    with(&inner, &id, |user| {
        let mut settings = user.settings.clone();
        let own = |key: &str| settings[key].clone();
        match asked.get("option").map(String::as_str) {
            Some("meeting_authentication") => {
                json!({"meeting_authentication": own("meeting_authentication"), "authentication_options": []})
            }
            Some("meeting_security") => json!({"meeting_security": own("meeting_security")}),
            _ => {
                let all = settings.as_object_mut().expect("settings");
                all.remove("meeting_authentication");
                all.remove("meeting_security");
                settings
            }
        }
    })
}

/// `GET /users/{user}/schedulers`
pub(super) async fn schedulers((State(inner), Path(id)): Of) -> Reply {
    related(&inner, &id, "schedulers", |user| &user.schedulers)
}

/// `GET /users/{user}/assistants`
pub(super) async fn assistants((State(inner), Path(id)): Of) -> Reply {
    related(&inner, &id, "assistants", |user| &user.assistants)
}

/// `GET /users/{user}/token`: what a bot joins with.
pub(super) async fn token((State(inner), Path(id)): Of, asked: Asked) -> Reply {
    if id != "me" && inner.state().user(&id).is_none() {
        return no_user(&id);
    }
    let kind = asked.get("type").map_or("token", String::as_str);
    match kind {
        "zak" | "token" => {}
        "onbehalf" if asked.contains_key("meeting_id") => {}
        _ => return error(400, 300, "Invalid field."),
    }
    let token = format!("{kind}-{}", inner.state().random.text(30));
    Reply::json(200, &json!({"token": token}))
}

/// `GET /accounts/{account}/lock_settings`
pub(super) async fn account_locks((State(inner), Path(id)): Of) -> Reply {
    if id != "me" && id != inner.options.account {
        return error(404, 2001, "Account does not exist.");
    }
    Reply::json(200, &inner.state().account_locks)
}

/// `GET /groups/{group}/lock_settings`
pub(super) async fn group_locks((State(inner), Path(id)): Of) -> Reply {
    match inner.state().group_locks.get(&id) {
        Some(locks) => Reply::json(200, locks),
        None => error(404, 4130, "A group with this ID does not exist."),
    }
}

fn with(inner: &Inner, id: &str, read: impl FnOnce(&User) -> Value) -> Reply {
    match inner.state().user(id) {
        Some((_, user)) => Reply::json(200, &read(user)),
        None => no_user(id),
    }
}

fn related(inner: &Inner, id: &str, list: &str, of: impl FnOnce(&User) -> &Vec<String>) -> Reply {
    let state = inner.state();
    let Some((_, user)) = state.user(id) else { return no_user(id) };
    let email = |id: &String| state.users.get(id).map(|user| user.user["email"].clone());
    let all: Vec<Value> = of(user).iter().map(|id| json!({"id": id, "email": email(id)})).collect();
    Reply::json(200, &json!({ list: all }))
}
