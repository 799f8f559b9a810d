//! What administrators and users of Zoom do: users, settings, locks, meetings that are planned.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::state::{User, before, locks, merge, time};
use super::{Inner, Zoom};

impl Zoom {
    /// A user with a licence who may record everywhere; the id is returned.
    pub fn add_user(&self, email: &str) -> String {
        let mut state = self.inner.state();
        let id = state.random.text(22);
        let pmi = 3_000_000_000 + state.random.number() % 1_000_000_000;
        let user = json!({
            "id": id, "email": email, "first_name": "Ada", "last_name": "Example", "type": 2,
            "status": "active", "pmi": pmi, "use_pmi": false, "verified": 1, "timezone": "Europe/Berlin",
            "account_id": self.inner.options.account, "group_ids": [], "role_name": "Member",
            "created_at": "2025-01-01T08:00:00Z", "last_login_time": "2026-01-01T08:00:00Z",
        });
        let settings = json!({
            "recording": {"cloud_recording": true, "local_recording": true, "auto_recording": "none",
                "host_pause_stop_recording": true, "recording_disclaimer": true,
                "ask_participants_to_consent_disclaimer": false, "auto_delete_cmr": false,
                "auto_delete_cmr_days": 30, "ip_address_access_control": {"enable": false}},
            "schedule_meeting": {"audio_type": "both", "use_pmi_for_scheduled_meetings": false,
                "join_before_host": false},
            "in_meeting": {"waiting_room": false, "show_a_join_from_your_browser_link": true,
                "entry_exit_chime": "none"},
            "feature": {"meeting_capacity": 300},
            "meeting_authentication": false,
            "meeting_security": {"waiting_room": false, "end_to_end_encrypted_meetings": false,
                "encryption_type": "enhanced_encryption"},
        });
        let (schedulers, assistants, updates) = Default::default();
        state.users.insert(id.clone(), User { user, settings, schedulers, assistants, updates });
        id
    }

    /// The id of the user with an address.
    #[must_use]
    pub fn user_id(&self, email: &str) -> Option<String> {
        self.inner.state().user(email).map(|(id, _)| id.clone())
    }

    /// Changes a user (RFC 7396).
    ///
    /// # Panics
    /// There is no such user.
    pub fn change_user(&self, id: &str, patch: Value) {
        let old = {
            let mut state = self.inner.state();
            let user = &mut state.users.get_mut(id).expect("a user").user;
            let old = before(user, &patch);
            merge(user, &patch);
            old
        };
        self.inner.changed("user.updated", id, patch, old);
    }

    /// Switches a user off.
    ///
    /// # Panics
    /// There is no such user.
    pub fn deactivate(&self, id: &str) {
        let object = {
            let mut state = self.inner.state();
            let user = &mut state.users.get_mut(id).expect("a user").user;
            user["status"] = json!("inactive");
            json!({"id": id, "first_name": user["first_name"], "last_name": user["last_name"],
                "email": user["email"], "type": user["type"]})
        };
        self.inner.tell_of("user.deactivated", json!({}), object);
    }

    /// Changes a user's settings (RFC 7396).
    ///
    /// # Panics
    /// There is no such user.
    pub fn change_settings(&self, id: &str, patch: Value) {
        let old = {
            let mut state = self.inner.state();
            let settings = &mut state.users.get_mut(id).expect("a user").settings;
            let old = before(settings, &patch);
            merge(settings, &patch);
            old
        };
        let (new, old) = (json!({"settings": patch}), json!({"settings": old}));
        self.inner.changed("user.settings_updated", id, new, old);
    }

    /// Locks or unlocks settings of the whole account: `{"recording": {"cloud_recording": true}}`.
    pub fn lock_account(&self, patch: Value) {
        let old = {
            let mut state = self.inner.state();
            let old = before(&state.account_locks, &patch);
            merge(&mut state.account_locks, &patch);
            old
        };
        let (new, old) = (json!({"settings": patch}), json!({"settings": old}));
        let account = self.inner.options.account.clone();
        self.inner.changed("account.lock_settings_updated", &account, new, old);
    }

    /// Puts a user into a group with locks of its own.
    ///
    /// # Panics
    /// There is no such user.
    pub fn lock_group(&self, group: &str, user: &str, patch: Value) {
        let mut state = self.inner.state();
        merge(state.group_locks.entry(group.to_owned()).or_insert_with(locks), &patch);
        let groups = &mut state.users.get_mut(user).expect("a user").user["group_ids"];
        let groups = groups.as_array_mut().expect("groups");
        if !groups.iter().any(|one| one == group) {
            groups.push(json!(group));
        }
    }

    /// One user may schedule for another.
    ///
    /// # Panics
    /// There is no such user.
    pub fn let_schedule(&self, assistant: &str, manager: &str) {
        let mut state = self.inner.state();
        state.users.get_mut(assistant).expect("a user").schedulers.push(manager.to_owned());
        state.users.get_mut(manager).expect("a user").assistants.push(assistant.to_owned());
    }

    /// A meeting; its number is returned.
    pub fn schedule(&self, host: &str, start: DateTime<Utc>, minutes: u32) -> u64 {
        let number = 80_000_000_000 + self.inner.state().random.number() % 10_000_000_000;
        self.schedule_as(number, host, start, minutes);
        number
    }

    /// A meeting whose number stands in somebody's calendar already.
    pub fn schedule_as(&self, number: u64, host: &str, start: DateTime<Utc>, minutes: u32) {
        let object = {
            let mut state = self.inner.state();
            let uuid = state.uuid();
            let email =
                state.users.get(host).map_or(json!(null), |user| user.user["email"].clone());
            let meeting = json!({
                "id": number, "uuid": uuid, "host_id": host, "host_email": email, "type": 2,
                "topic": "Weekly \u{1F692} – review", "status": "waiting", "start_time": time(start),
                "duration": minutes, "timezone": "Europe/Berlin", "created_at": "2026-01-01T08:00:00Z",
                "join_url": format!("https://acme.zoom.example/j/{number}?pwd=hush"), "password": "123456",
                "settings": {"auto_recording": "none", "use_pmi": false, "alternative_hosts": "",
                    "waiting_room": false, "join_before_host": false, "jbh_time": 0,
                    "meeting_authentication": false, "approval_type": 2, "internal_meeting": false,
                    "private_meeting": false, "audio": "both", "encryption_type": "enhanced_encryption",
                    "approved_or_denied_countries_or_regions": {"enable": false}},
            });
            let mut object = meeting.clone();
            for key in ["host_email", "status", "created_at", "settings"] {
                object.as_object_mut().expect("an object").remove(key);
            }
            state.meetings.insert(number, meeting);
            object
        };
        self.inner.tell_of("meeting.created", json!({}), object);
    }

    /// Changes a meeting (RFC 7396).
    ///
    /// # Panics
    /// There is no such meeting.
    pub fn change_meeting(&self, number: u64, patch: &Value) {
        assert!(self.inner.change_meeting(number, patch), "a meeting");
    }

    /// Deletes a meeting.
    ///
    /// # Panics
    /// There is no such meeting.
    pub fn delete_meeting(&self, number: u64) {
        let meeting = self.inner.state().meetings.remove(&number).expect("a meeting");
        let mut object = json!({});
        for key in ["uuid", "id", "host_id", "topic", "type", "start_time", "duration", "timezone"]
        {
            object[key] = meeting[key].clone();
        }
        self.inner.tell_of("meeting.deleted", json!({"operation": "single"}), object);
    }

    /// What is known of a meeting.
    #[must_use]
    pub fn meeting(&self, number: u64) -> Option<Value> {
        self.inner.state().meetings.get(&number).cloned()
    }
}

impl Inner {
    /// Tells of a change, as what is different now and what was there before.
    fn changed(&self, event: &str, id: &str, new: Value, old: Value) {
        let with_id = |mut value: Value| {
            value["id"] = json!(id);
            value
        };
        let more = json!({"old_object": with_id(old), "time_stamp": self.millis()});
        self.tell_of(event, more, with_id(new));
    }

    /// Changes a meeting and tells of it, without uuid and host; whether there is such a meeting.
    pub(super) fn change_meeting(&self, number: u64, patch: &Value) -> bool {
        let old = {
            let mut state = self.state();
            let Some(meeting) = state.meetings.get_mut(&number) else { return false };
            let old = before(meeting, patch);
            merge(meeting, patch);
            old
        };
        let with_id = |value: &Value| {
            let mut value = value.clone();
            value["id"] = json!(number);
            value
        };
        let more =
            json!({"old_object": with_id(&old), "scope": "all", "time_stamp": self.millis()});
        self.tell_of("meeting.updated", more, with_id(patch));
        true
    }
}
