//! Locks: who may do what, as an expression that is parsed once and checked often.
//!
//! ```text
//! perm(Builder) OR (holds(brass key) AND NOT tag(cursed))
//! ```
//!
//! | function | passes |
//! |---|---|
//! | `all()`, `true()` / `none()`, `false()` | everybody / nobody |
//! | `perm(Builder)` | who has that permission or a higher one |
//! | `id(12)` | the one character of that id; also `id(#12)` |
//! | `self()` | the locked thing itself |
//! | `attr(key)`, `attr(key, value)` | who has such an attribute, or has it with that value |
//! | `tag(key)`, `tag(key, category)` | who has such a tag |
//! | `holds(brass key)` | who carries an object of that key, or with that tag |
//!
//! `NOT` binds closer than `AND`, `AND` closer than `OR`. Case does not matter in names of functions and operators.
//! An argument may stand in quotes, and must if there is a comma or a parenthesis in it. A game adds functions with
//! [`LockFunctions`]. A superuser passes every lock.

use std::collections::BTreeMap;
use std::fmt;

use super::record::Permission;
use crate::ids::EntityId;

mod parse;

/// Longest expression, in bytes.
pub const LONGEST: usize = 2048;

/// Deepest nesting of parentheses. Checking a lock recurses as deep.
pub const DEEPEST: usize = 32;

/// A lock. Cheap to check; `Display` gives the source it was parsed from.
#[derive(Debug, Clone)]
pub struct Lock {
    source: Box<str>,
    expression: Expression,
}

/// Who stands before a lock; the world answers for them.
pub trait LockSubject {
    /// Returns what they may do: the account's permission, or their own if nobody drives them.
    fn permission(&self) -> Permission;
    /// Returns true if every lock opens.
    fn is_superuser(&self) -> bool;
    /// Returns which character it is.
    fn id(&self) -> EntityId;
    /// Returns true if they have the attribute, with that value if there is one. Values compare as players type them:
    /// `true`, `12`, `red`.
    fn has_attribute(&self, key: &str, value: Option<&str>) -> bool;
    /// Returns true if they have the tag, in that category or, with `None`, in the common one.
    fn has_tag(&self, key: &str, category: Option<&str>) -> bool;
    /// Returns true if they carry an object of that key, in any case, or with that tag.
    fn holds(&self, key: &str) -> bool;
    /// Returns true if they are what is locked.
    fn is_self(&self) -> bool;
}

/// A function of a game's own: gets the arguments as they were written, and whoever stands before the lock.
pub type LockFunction = fn(&[String], &dyn LockSubject) -> bool;

/// The functions that a game adds to the language.
#[derive(Debug, Clone, Default)]
pub struct LockFunctions {
    by_name: BTreeMap<String, LockFunction>,
}

/// A name for a lock function that is in use, or is no name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a lock function cannot be called \"{0}\": the name is in use, or is not a word in lower case")]
pub struct LockFunctionName(pub String);

/// Why an expression is no lock.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("at column {column}: {problem}; {hint}")]
pub struct LockError {
    /// Where, in characters from 1.
    pub column: usize,
    /// What is wrong.
    pub problem: String,
    /// What to do about it.
    pub hint: String,
}

impl LockFunctions {
    /// Adds a function. It is looked up when a lock is parsed, not when it is checked.
    ///
    /// # Errors
    ///
    /// If the name is taken, or is not made of `a`–`z`, `0`–`9` and `_`.
    pub fn register(&mut self, name: &str, function: LockFunction) -> Result<(), LockFunctionName> {
        let is_word = name.starts_with(|c: char| c.is_ascii_lowercase())
            && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
        let taken =
            parse::FUNCTIONS.contains(&name) || parse::OPERATORS.contains(&name) || self.by_name.contains_key(name);
        if taken || !is_word {
            return Err(LockFunctionName(name.to_owned()));
        }
        self.by_name.insert(name.to_owned(), function);
        Ok(())
    }
}

impl Lock {
    /// Returns the lock that an expression of the built-in functions describes.
    ///
    /// # Errors
    ///
    /// Where the expression goes wrong, and a hint.
    pub fn parse(source: &str) -> Result<Self, LockError> {
        Self::parse_with(source, &LockFunctions::default())
    }

    /// The same with a game's own functions.
    ///
    /// # Errors
    ///
    /// Where the expression goes wrong, and a hint.
    pub fn parse_with(source: &str, functions: &LockFunctions) -> Result<Self, LockError> {
        let source = source.trim();
        Ok(Self { source: source.into(), expression: parse::parse(source, functions)? })
    }

    /// Returns the lock that opens for everybody.
    pub fn everybody() -> Self {
        Self { source: "all()".into(), expression: Expression::Constant(true) }
    }

    /// Returns the lock that opens for superusers alone.
    pub fn nobody() -> Self {
        Self { source: "none()".into(), expression: Expression::Constant(false) }
    }

    /// Returns true if the lock opens. Allocates nothing.
    pub fn check(&self, who: &dyn LockSubject) -> bool {
        who.is_superuser() || self.expression.check(who)
    }

    /// Returns the expression it was parsed from.
    pub fn source(&self) -> &str {
        &self.source
    }
}

/// Two locks are equal if they were written alike.
impl PartialEq for Lock {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

impl Eq for Lock {}

impl fmt::Display for Lock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)
    }
}

#[derive(Debug, Clone)]
enum Expression {
    Constant(bool),
    Permission(Permission),
    Id(EntityId),
    Itself,
    Attribute { key: String, value: Option<String> },
    Tag { key: String, category: Option<String> },
    Holds(String),
    Call(LockFunction, Box<[String]>),
    Not(Box<Expression>),
    All(Box<[Expression]>),
    Any(Box<[Expression]>),
}

impl Expression {
    fn check(&self, who: &dyn LockSubject) -> bool {
        match self {
            Self::Constant(opens) => *opens,
            Self::Permission(least) => who.permission() >= *least,
            Self::Id(id) => who.id() == *id,
            Self::Itself => who.is_self(),
            Self::Attribute { key, value } => who.has_attribute(key, value.as_deref()),
            Self::Tag { key, category } => who.has_tag(key, category.as_deref()),
            Self::Holds(key) => who.holds(key),
            Self::Call(function, arguments) => function(arguments, who),
            Self::Not(inner) => !inner.check(who),
            Self::All(parts) => parts.iter().all(|part| part.check(who)),
            Self::Any(parts) => parts.iter().any(|part| part.check(who)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ann, a Builder, #12, who carries a brass key and is in a good mood.
    struct Ann {
        superuser: bool,
    }

    impl LockSubject for Ann {
        fn permission(&self) -> Permission {
            Permission::Builder
        }
        fn is_superuser(&self) -> bool {
            self.superuser
        }
        fn id(&self) -> EntityId {
            EntityId(12)
        }
        fn has_attribute(&self, key: &str, value: Option<&str>) -> bool {
            key == "mood" && value.is_none_or(|value| value == "good, really")
        }
        fn has_tag(&self, key: &str, category: Option<&str>) -> bool {
            (key, category) == ("elf", None) || (key, category) == ("miners", Some("guild"))
        }
        fn holds(&self, key: &str) -> bool {
            key.eq_ignore_ascii_case("brass key")
        }
        fn is_self(&self) -> bool {
            false
        }
    }

    fn check(source: &str, expected: bool) {
        let lock = Lock::parse(source).unwrap();
        assert_eq!(lock.check(&Ann { superuser: false }), expected, "{source}");
        assert!(lock.check(&Ann { superuser: true }), "a superuser passes {source}");
        assert_eq!(lock.to_string(), source);
    }

    #[test]
    fn each_function_opens_for_those_it_names() {
        check("all()", true);
        check("none()", false);
        check("true()", true);
        check("false()", false);
        check("perm(Builder)", true);
        check("perm(players)", true);
        check("perm(Admin)", false);
        check("id(12)", true);
        check("id(#12)", true);
        check("id(13)", false);
        check("self()", false);
        check("attr(mood)", true);
        check("attr(mood, \"good, really\")", true);
        check("attr(mood, bad)", false);
        check("tag(elf)", true);
        check("tag(miners)", false);
        check("tag(miners, guild)", true);
        check("holds(brass key)", true);
        check("holds( Brass Key )", true);
        check("holds(lamp)", false);
    }

    #[test]
    fn operators_bind_as_in_a_sentence() {
        check("NOT none()", true);
        check("not not none()", false);
        check("all() OR all() AND none()", true);
        check("(all() OR all()) AND none()", false);
        check("NOT none() AND none()", false);
        check("NOT (none() AND none())", true);
        check("PERM(admin) or Holds(brass key) and not tag(cursed)", true);
        check("all()and(not none())", true);
    }

    #[test]
    fn a_mistake_is_shown_where_it_is() {
        let check = |source: &str, column, hint: &str| {
            let error = Lock::parse(source).unwrap_err();
            assert_eq!(error.column, column, "{source}: {error}");
            assert!(error.to_string().contains(hint), "{source}: {error}");
        };
        check("", 1, "all()");
        check("prem(Builder)", 1, "\"perm\"");
        check("perm(Bulider)", 6, "Guest, Player, Helper, Builder, Admin, Developer");
        check("perm()", 6, "perm(Builder)");
        check("perm", 5, "perm(Builder)");
        check("perm Builder", 6, "perm(Builder)");
        check("perm(Builder", 13, ")");
        check("perm(Builder))", 14, "AND");
        check("(all()", 7, ")");
        check("all() all()", 7, "AND");
        check("all() AND", 10, "all()");
        check("NOT", 4, "all()");
        check("id(twelve)", 4, "id(12)");
        check("all(x)", 5, "all()");
        check("attr(a, b, c)", 12, "attr(key, value)");
        check("attr(\"a)", 6, "\"");
        check("é(1)", 1, "perm");
        check("perm(Builder) | all()", 15, "OR");
        check(&"(".repeat(1000), 33, "parentheses");
        check(&"a".repeat(5000), 2049, "shorter");
    }

    #[test]
    fn a_game_adds_functions_of_its_own() {
        let mut functions = LockFunctions::default();
        let older: LockFunction = |arguments, _| arguments.first().is_some_and(|age| age == "30");
        assert!(functions.register("older", older).is_ok());
        assert!(functions.register("older", older).is_err());
        assert!(functions.register("perm", older).is_err());
        assert!(functions.register("and", older).is_err());
        assert!(functions.register("Old er", older).is_err());
        let lock = Lock::parse_with("OLDER(30) AND all()", &functions).unwrap();
        assert!(lock.check(&Ann { superuser: false }));
        assert!(Lock::parse("older(30)").is_err());
    }

    #[test]
    fn nothing_typed_can_break_the_parser() {
        const PIECES: [&str; 18] = [
            "all()", "perm(", "Builder", ")", "(", " AND ", " or ", "NOT ", "\"", ",", "id(", "12", "#", "é", "holds(",
            " ", "tag(a,b)", "x",
        ];
        let mut random = fastrand::Rng::with_seed(3);
        let mut parsed = 0;
        for _ in 0..20_000 {
            let source: String = (0..random.usize(0..10)).map(|_| PIECES[random.usize(0..PIECES.len())]).collect();
            match Lock::parse(&source) {
                Ok(lock) => {
                    parsed += 1;
                    assert_eq!(Lock::parse(&lock.to_string()), Ok(lock));
                }
                Err(error) => assert!(error.column <= source.chars().count() + 1, "{source}: {error}"),
            }
        }
        assert!(parsed > 100);
    }

    #[test]
    fn long_chains_do_not_recurse() {
        let chain = vec!["all()"; 200].join(" AND ");
        check(&chain, true);
        check(&format!("{}none()", "NOT ".repeat(400)), false);
    }
}
