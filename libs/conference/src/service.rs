//! Conference services known by name and not supported, as a table.

use url::Url;

use crate::host;

/// One kind of link of one service.
pub(crate) struct Service {
    /// Lower case with underscores.
    pub(crate) name: &'static str,
    /// The link lives here or under here.
    pub(crate) domain: &'static str,
    rule: Rule,
}

/// Which paths under the domain are ways into a conference.
enum Rule {
    /// Any but the empty one and the pages every site has.
    Room,
    /// As [`Rule::Room`]; the host is an installation, so host and path are the id.
    Installation,
    /// These first segments, and something after them.
    After(&'static [&'static str]),
    /// These first segments, whatever follows.
    At(&'static [&'static str]),
    /// A first segment of digits, perhaps with hyphens.
    Number,
}

/// First segments of pages that invite nobody.
const PAGES: &[&str] = &[
    "about",
    "account",
    "admin",
    "api",
    "apps",
    "blog",
    "business",
    "careers",
    "company",
    "contact",
    "contact-us",
    "create",
    "customers",
    "dashboard",
    "demo",
    "developers",
    "docs",
    "download",
    "downloads",
    "en",
    "enterprise",
    "faq",
    "features",
    "help",
    "home",
    "index.html",
    "information",
    "integrations",
    "legal",
    "login",
    "new",
    "news",
    "org",
    "partners",
    "plans",
    "press",
    "pricing",
    "privacy",
    "product",
    "products",
    "resources",
    "security",
    "settings",
    "sign-in",
    "sign-up",
    "signin",
    "signup",
    "solutions",
    "static",
    "status",
    "support",
    "terms",
    "user",
    "users",
    "videos",
    "webinars",
];

const fn row(name: &'static str, domain: &'static str, rule: Rule) -> Service {
    Service { name, domain, rule }
}

use Rule::{After, At, Installation, Number, Room};

/// A name may have several rows; the first that fits counts.
pub(crate) const SERVICES: &[Service] = &[
    row("around", "meet.around.co", Room),
    row("around", "around.co", After(&["r"])),
    row("bigbluebutton", "demo.bigbluebutton.org", After(&["gl", "rooms", "b"])),
    row("blackboard", "bbcollab.com", Room),
    row("blizz", "go.blizz.com", Room),
    row("bluejeans", "bluejeans.com", Room),
    row("brightspace", "vc.brightspace.com", Room),
    row("cal_video", "app.cal.com", After(&["video"])),
    row("chime", "chime.aws", Room),
    row("chorus", "go.chorus.ai", Room),
    row("coscreen", "join.coscreen.co", Room),
    row("daily", "daily.co", Room),
    row("demio", "event.demio.com", Room),
    row("demio", "my.demio.com", After(&["ref", "recording"])),
    row("demodesk", "demodesk.com", Room),
    row("dialpad", "meetings.dialpad.com", Room),
    row("dialpad", "uberconference.com", Room),
    row("discord", "discord.gg", Room),
    row("discord", "discord.com", After(&["channels", "invite", "events"])),
    row("discord", "discordapp.com", After(&["channels", "invite"])),
    row("doxy", "doxy.me", Room),
    row("duo", "duo.app.goo.gl", Room),
    row("facetime", "facetime.apple.com", At(&["join"])),
    row("feishu", "vc.feishu.cn", After(&["j"])),
    row("freeconferencecall", "freeconferencecall.com", After(&["wall"])),
    row("freeconferencecall", "join.freeconferencecall.com", Room),
    row("gather", "app.gather.town", After(&["app"])),
    row("gather", "gather.town", After(&["app"])),
    row("gong", "join.gong.io", Room),
    row("goto", "gotomeet.me", Room),
    row("goto", "meet.goto.com", Room),
    row("goto", "app.goto.com", After(&["meeting", "meet", "webinar"])),
    row("goto", "global.gotomeeting.com", After(&["join", "meet"])),
    row("goto", "gotomeeting.com", After(&["join", "meeting"])),
    row("goto", "gotomeeting.com", Number),
    row("goto", "gotowebinar.com", After(&["join"])),
    row("hangouts", "hangouts.google.com", After(&["call", "hangouts", "_"])),
    row("jam", "jam.systems", Room),
    row("jiomeet", "jiomeetpro.jio.com", After(&["shortener", "conferenceCall"])),
    row("jitsi", "meet.jit.si", Installation),
    row("jitsi", "8x8.vc", Installation),
    row("jitsi", "beta.meet.jit.si", Installation),
    row("jitsi", "jitsi.org", After(&["meet"])),
    row("join_me", "join.me", Room),
    row("kmeet", "kmeet.infomaniak.com", Room),
    row("lark", "vc.larksuite.com", After(&["j"])),
    row("lifesize", "call.lifesizecloud.com", Room),
    row("livekit", "livekit.io", After(&["rooms"])),
    row("livestorm", "app.livestorm.com", After(&["p"])),
    row("livestorm", "app.livestorm.co", After(&["p"])),
    row("luma", "lu.ma", After(&["join"])),
    row("meetecho", "conf.meetecho.com", Room),
    row("meetstream", "meetstream.io", After(&["join"])),
    row("mts_link", "mts-link.ru", After(&["j"])),
    row("ovice", "ovice.com", Room),
    row("ovice", "ovice.in", Room),
    row("pexip", "pexip.me", After(&["meet"])),
    row("pop", "pop.com", After(&["j"])),
    row("preply", "preply.com", After(&["classroom", "lesson"])),
    row("proton_meet", "meet.proton.me", After(&["join"])),
    row("pumble", "meet.pumble.com", Room),
    row("reclaim", "reclaim.ai", After(&["z"])),
    row("ringcentral", "v.ringcentral.com", After(&["join"])),
    row("ringcentral", "video.ringcentral.com", After(&["join"])),
    row("ringcentral", "meetings.ringcentral.com", After(&["j"])),
    row("ringcentral", "webinar.ringcentral.com", After(&["j", "join"])),
    row("ringcentral", "ringcentral.com", After(&["join", "j"])),
    row("riverside", "riverside.fm", After(&["studio"])),
    row("riverside", "riverside.com", After(&["studio"])),
    row("sber_jazz", "jazz.sber.ru", Room),
    row("sber_jazz", "salutejazz.ru", Room),
    row("skype", "join.skype.com", Room),
    row("skype", "meet.lync.com", Room),
    row("slack", "app.slack.com", After(&["huddle"])),
    row("starleaf", "meet.starleaf.com", Room),
    row("streamyard", "streamyard.com", Room),
    row("suit", "conference.istesuit.com", Room),
    row("teamviewer", "go.teamviewer.com", Room),
    row("teemyco", "app.teemyco.com", After(&["room"])),
    row("tencent", "voovmeeting.com", After(&["dm", "p", "s"])),
    row("tencent", "meeting.tencent.com", After(&["dm", "p", "s"])),
    row("tuple", "tuple.app", After(&["c"])),
    row("userzoom", "go.userzoom.com", After(&["participate"])),
    row("venue", "app.venue.live", After(&["app"])),
    row("vimeo", "venues.vimeo.com", Room),
    row("vimeo", "vimeo.com", After(&["showcase", "event"])),
    row("vk_calls", "vk.com", After(&["call"])),
    row("vk_calls", "vk.ru", After(&["call"])),
    row("vonage", "meetings.vonage.com", Room),
    row("vowel", "vowel.com", Room),
    row("vsee", "vsee.com", After(&["c", "u"])),
    row("whereby", "whereby.com", Room),
    row("workplace", "workplace.com", After(&["groupcall"])),
    row("yandex_telemost", "telemost.yandex.ru", After(&["j"])),
    row("yandex_telemost", "telemost.yandex.com", After(&["j"])),
    row("yandex_telemost", "telemost.360.yandex.ru", After(&["j"])),
    row("zhumu", "zhumu.com", After(&["j", "wc", "s"])),
    row("zm_page", "zm.page", At(&[])),
    row("zoho", "meet.zoho.com", Room),
    row("zoho", "meet.zoho.eu", Room),
    row("zoho", "cliq.zoho.com", After(&["meetings"])),
    row("zoho", "cliq.zoho.eu", After(&["meetings"])),
];

/// The service whose conference a URL is, and the id where a host is an installation.
pub(crate) fn read(host: &str, url: &Url) -> Option<(&'static str, Option<String>)> {
    let segments = host::segments(url);
    let service = SERVICES.iter().find(|service| {
        host::within(host, service.domain) && service.rule.fits(&segments, url.fragment())
    })?;
    let id = matches!(service.rule, Installation)
        .then(|| format!("{host}/{}", host::decode(&segments.join("/"))));
    Some((service.name, id))
}

/// Whether links of some service live on a host.
pub(crate) fn is_known(host: &str) -> bool {
    SERVICES.iter().any(|service| host::within(host, service.domain))
}

/// The service a host is for, where it is for conferences: `vimeo.com` by itself says nothing.
pub(crate) fn of_host(host: &str) -> Option<&'static str> {
    SERVICES.iter().find(|it| host::within(host, it.domain) && it.is_dedicated()).map(|it| it.name)
}

impl Service {
    fn is_dedicated(&self) -> bool {
        let whole_site = self.domain.bytes().filter(|&byte| byte == b'.').count() == 1;
        !(whole_site && matches!(self.rule, After(_)))
    }
}

impl Rule {
    fn fits(&self, segments: &[&str], fragment: Option<&str>) -> bool {
        match self {
            Self::Room | Self::Installation => match segments.first() {
                Some(first) => !PAGES.iter().any(|page| page.eq_ignore_ascii_case(first)),
                // Vowel's rooms are behind the hash.
                None => fragment.is_some_and(|fragment| fragment.starts_with("/g/")),
            },
            Self::After(folders) => {
                segments.len() > 1 && segments.first().is_some_and(|it| folders.contains(it))
            }
            Self::At([]) => true,
            Self::At(folders) => segments.first().is_some_and(|it| folders.contains(it)),
            Self::Number => segments.first().is_some_and(|it| {
                it.len() >= 9 && it.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-')
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(url: &str) -> Option<&'static str> {
        let url = Url::parse(url).unwrap();
        read(host::of(&url).unwrap(), &url).map(|(name, _)| name)
    }

    #[test]
    fn rooms_of_other_services_are_known_by_name() {
        for (url, service) in [
            ("https://meet.goto.com/100000001", "goto"),
            ("https://global.gotomeeting.com/join/100000001", "goto"),
            ("https://www.gotomeeting.com/100-000-001", "goto"),
            ("https://acme.whereby.com/standup", "whereby"),
            ("https://join.skype.com/AbCdEf", "skype"),
            ("https://bluejeans.com/100000001/1234", "bluejeans"),
            ("https://chime.aws/1000000001", "chime"),
            ("https://video.ringcentral.com/join/100000001", "ringcentral"),
            ("https://telemost.yandex.ru/j/100", "yandex_telemost"),
            ("https://facetime.apple.com/join#v=1&p=x", "facetime"),
            ("https://app.vowel.com/#/g/room", "vowel"),
            ("https://ada.zm.page", "zm_page"),
        ] {
            assert_eq!(name(url), Some(service), "{url}");
        }
    }

    #[test]
    fn pages_that_invite_nobody_are_no_rooms() {
        for url in [
            "https://whereby.com/",
            "https://whereby.com/Pricing",
            "https://www.bluejeans.com/products",
            "https://www.gotomeeting.com/features",
            "https://attendee.gotowebinar.com/register/1",
            "https://facetime.apple.com/joinery",
            "https://welink.zhumu.com/j/",
            "https://discord.com/download",
            "https://notwhereby.com/room",
        ] {
            assert_eq!(name(url), None, "{url}");
        }
    }

    #[test]
    fn an_installation_is_part_of_a_rooms_id() {
        let url = Url::parse("https://meet.jit.si/Weekly%20Review?jwt=s3cret").unwrap();
        let id = "meet.jit.si/Weekly Review".to_owned();
        assert_eq!(read("meet.jit.si", &url), Some(("jitsi", Some(id))));
    }
}
