//! Rules of the contract: names, and a comment on everything.

use crate::generate;
use anyhow::Result;
use prost_reflect::{
    DescriptorPool, EnumDescriptor, FileDescriptor, MessageDescriptor, ServiceDescriptor,
};

/// The prefix that the values of an enum carry: `SkipCode` gives `SKIP_CODE_`.
pub(crate) fn prefix(of: &str) -> String {
    let mut prefix = String::new();
    for letter in of.chars() {
        if letter.is_uppercase() && !prefix.is_empty() {
            prefix.push('_');
        }
        prefix.extend(letter.to_uppercase());
    }
    prefix + "_"
}

/// The comment over the thing at this path of the file; empty where there is none.
pub(crate) fn comment(file: &FileDescriptor, path: &[i32]) -> String {
    let info = file.file_descriptor_proto().source_code_info.as_ref();
    let location =
        info.and_then(|info| info.location.iter().find(|location| location.path == path));
    let text =
        location.and_then(|location| location.leading_comments.as_deref()).unwrap_or_default();
    let lines = text.lines().map(|line| line.strip_prefix(' ').unwrap_or(line).trim_end());
    lines.collect::<Vec<_>>().join("\n").trim().to_owned()
}

/// What the contract breaks.
pub(crate) fn complaints() -> Result<Vec<String>> {
    Ok(judge(&generate::contract()?.pool))
}

/// What these files break.
fn judge(pool: &DescriptorPool) -> Vec<String> {
    let mut found = Complaints::default();
    for file in pool.files().filter(|file| !file.name().starts_with("google/")) {
        found.file(&file);
        file.messages().for_each(|message| found.message(&message));
        file.enums().for_each(|kind| found.enumeration(&kind));
        file.services().for_each(|service| found.service(&service));
        for extension in file.extensions() {
            found.commented(&file, extension.path(), extension.full_name());
        }
    }
    found.0
}

#[derive(Default)]
struct Complaints(Vec<String>);

impl Complaints {
    fn unless(&mut self, fine: bool, what: impl FnOnce() -> String) {
        if !fine {
            self.0.push(what());
        }
    }

    fn commented(&mut self, file: &FileDescriptor, path: &[i32], name: &str) {
        self.unless(!comment(file, path).is_empty(), || format!("`{name}` has no comment"));
    }

    fn file(&mut self, file: &FileDescriptor) {
        let folder = file.package_name().replace('.', "/");
        let parts: Vec<&str> = file.package_name().split('.').collect();
        let versioned = |version: &str| {
            version.strip_prefix('v').is_some_and(|number| number.parse::<u32>().is_ok())
        };
        let named = matches!(parts[..], ["callsheet", package, version] if snake(package) && versioned(version));
        self.unless(named, || {
            format!(
                "{}: package `{}` is not callsheet.<name>.v<n>",
                file.name(),
                file.package_name()
            )
        });
        let here = file.name().rsplit_once('/').map(|(folder, _)| folder);
        self.unless(here == Some(&folder), || {
            format!("{}: package `{}` belongs into `{folder}/`", file.name(), file.package_name())
        });
    }

    fn message(&mut self, message: &MessageDescriptor) {
        if message.is_map_entry() {
            return;
        }
        let file = message.parent_file();
        self.commented(&file, message.path(), message.full_name());
        self.unless(camel(message.name()), || {
            format!("`{}` is not CamelCase", message.full_name())
        });
        for field in message.fields() {
            self.commented(&file, field.path(), field.full_name());
            self.unless(snake(field.name()), || {
                format!("`{}` is not snake_case", field.full_name())
            });
        }
        for choice in message.oneofs().filter(|choice| !choice.is_synthetic()) {
            self.commented(&file, choice.path(), choice.full_name());
        }
        message.child_messages().for_each(|child| self.message(&child));
        message.child_enums().for_each(|child| self.enumeration(&child));
    }

    fn enumeration(&mut self, kind: &EnumDescriptor) {
        let file = kind.parent_file();
        self.commented(&file, kind.path(), kind.full_name());
        self.unless(camel(kind.name()), || format!("`{}` is not CamelCase", kind.full_name()));
        let prefix = prefix(kind.name());
        for value in kind.values() {
            self.commented(&file, value.path(), value.full_name());
            self.unless(value.name().starts_with(&prefix), || {
                format!("`{}` does not begin with `{prefix}`", value.full_name())
            });
            let zero = format!("{prefix}UNSPECIFIED");
            self.unless((value.number() == 0) == (value.name() == zero), || {
                format!("`{}`: zero, and only zero, is `{zero}`", value.full_name())
            });
        }
    }

    fn service(&mut self, service: &ServiceDescriptor) {
        let file = service.parent_file();
        self.commented(&file, service.path(), service.full_name());
        self.unless(camel(service.name()) && service.name().ends_with("Service"), || {
            format!("`{}` does not end in Service", service.full_name())
        });
        for method in service.methods() {
            self.commented(&file, method.path(), method.full_name());
            let (input, output) = (method.input(), method.output());
            let own = |message: &MessageDescriptor, what: &str| {
                message.name() == format!("{}{what}", method.name())
                    && message.package_name() == service.package_name()
            };
            self.unless(own(&input, "Request"), || {
                format!(
                    "`{}` takes `{}`, not a request of its own",
                    method.full_name(),
                    input.name()
                )
            });
            self.unless(own(&output, "Response"), || {
                format!(
                    "`{}` gives `{}`, not a response of its own",
                    method.full_name(),
                    output.name()
                )
            });
        }
    }
}

fn camel(name: &str) -> bool {
    name.starts_with(|letter: char| letter.is_ascii_uppercase()) && !name.contains('_')
}

fn snake(name: &str) -> bool {
    name.starts_with(|letter: char| letter.is_ascii_lowercase())
        && name
            .chars()
            .all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_contract_follows_the_rules() {
        assert_eq!(complaints().unwrap(), Vec::<String>::new());
    }

    /// What is complained of in a package that holds this and nothing else.
    fn judged(content: &str) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().join("callsheet/x/v1");
        std::fs::create_dir_all(&home).unwrap();
        let source = format!("syntax = \"proto3\";\npackage callsheet.x.v1;\n{content}\n");
        std::fs::write(home.join("x.proto"), source).unwrap();
        let mut compiler = protox::Compiler::new([folder.path()]).unwrap();
        compiler.include_source_info(true).open_file("callsheet/x/v1/x.proto").unwrap();
        judge(&compiler.descriptor_pool())
    }

    #[test]
    fn what_is_well_named_and_commented_passes() {
        let fine = "
            // A.
            message AskRequest {
              // B.
              string a_name = 1;
              // C.
              map<string, string> more = 2;
              // D.
              optional bool maybe = 3;
            }
            // E.
            message AskResponse {}
            // F.
            enum WhatKind {
              // G.
              WHAT_KIND_UNSPECIFIED = 0;
            }
            // H.
            service XService {
              // I.
              rpc Ask(AskRequest) returns (AskResponse);
            }";
        assert_eq!(judged(fine), Vec::<String>::new());
    }

    #[test]
    fn everything_without_a_comment_is_found() {
        let bare = "
            message M { string f = 1; oneof o { string p = 2; } enum E { E_UNSPECIFIED = 0; } }
            service XService { rpc Ask(AskRequest) returns (AskResponse); }
            message AskRequest {}
            message AskResponse {}";
        let found = judged(bare);
        assert_eq!(found.len(), 10, "{found:#?}");
        assert!(found.iter().all(|complaint| complaint.ends_with("has no comment")));
    }

    #[test]
    fn a_value_without_the_prefix_of_its_enum_is_found() {
        let found =
            judged("// A.\nenum Kind {\n// B.\nKIND_UNSPECIFIED = 0;\n// C.\nOTHER = 1;\n}");
        assert_eq!(found, ["`callsheet.x.v1.OTHER` does not begin with `KIND_`"]);
    }

    #[test]
    fn a_zero_that_means_something_is_found() {
        let found = judged("// A.\nenum Kind {\n// B.\nKIND_GOOD = 0;\n}");
        assert_eq!(
            found,
            ["`callsheet.x.v1.KIND_GOOD`: zero, and only zero, is `KIND_UNSPECIFIED`"]
        );
    }

    #[test]
    fn a_shared_request_and_a_service_by_another_name_are_found() {
        let found = judged(
            "// A.\nmessage Thing {}\n// B.\nservice Things {\n// C.\nrpc Ask(Thing) returns (Thing);\n}",
        );
        assert_eq!(found.len(), 3, "{found:#?}");
    }
}
