//! From the text of a lock to its expression: a small recursive descent, bounded in depth.

use super::{DEEPEST, Expression, LONGEST, LockError, LockFunctions};
use crate::ids::EntityId;
use crate::world::record::Permission;
use crate::world::search::suggest;

/// The built-in functions.
pub(super) const FUNCTIONS: [&str; 10] = ["all", "true", "none", "false", "perm", "id", "self", "attr", "tag", "holds"];

/// Words between and before functions.
pub(super) const OPERATORS: [&str; 3] = ["and", "or", "not"];

/// Parses a whole expression.
pub(super) fn parse(source: &str, functions: &LockFunctions) -> Result<Expression, LockError> {
    let mut parser = Parser { source, at: 0, functions };
    if source.len() > LONGEST {
        let column = source.char_indices().take_while(|(at, _)| *at < LONGEST).count() + 1;
        let problem = format!("a lock has at most {LONGEST} bytes");
        return Err(LockError { column, problem, hint: "make it shorter, with a tag for those who may pass".into() });
    }
    let expression = parser.any(0)?;
    match parser.rest().chars().next() {
        None => Ok(expression),
        Some(c) => parser.error(format!("\"{c}\" is not expected here"), "join functions with AND, OR, AND NOT"),
    }
}

struct Parser<'s> {
    source: &'s str,
    /// Byte in the source.
    at: usize,
    functions: &'s LockFunctions,
}

/// An argument and the byte where it begins.
type Argument = (usize, String);

impl<'s> Parser<'s> {
    /// `all OR all OR …`
    fn any(&mut self, depth: usize) -> Result<Expression, LockError> {
        let first = self.all(depth)?;
        let mut parts = vec![first];
        while self.take_word("or") {
            parts.push(self.all(depth)?);
        }
        Ok(one_or(parts, Expression::Any))
    }

    /// `term AND term AND …`
    fn all(&mut self, depth: usize) -> Result<Expression, LockError> {
        let mut parts = vec![self.term(depth)?];
        while self.take_word("and") {
            parts.push(self.term(depth)?);
        }
        Ok(one_or(parts, Expression::All))
    }

    /// `NOT … function(…)` or `NOT … ( any )`
    fn term(&mut self, depth: usize) -> Result<Expression, LockError> {
        let mut negated = false;
        while self.take_word("not") {
            negated = !negated;
        }
        self.skip_spaces();
        let inner = if self.rest().starts_with('(') {
            if depth == DEEPEST {
                return self.error(
                    format!("there are more than {DEEPEST} parentheses in one another"),
                    "use fewer parentheses",
                );
            }
            self.at += 1;
            let inner = self.any(depth + 1)?;
            self.expect_closed()?;
            inner
        } else {
            self.call()?
        };
        Ok(if negated { Expression::Not(Box::new(inner)) } else { inner })
    }

    /// `function(argument, …)`
    fn call(&mut self) -> Result<Expression, LockError> {
        let start = self.at;
        let name = self.word().to_ascii_lowercase();
        if name.is_empty() || OPERATORS.contains(&name.as_str()) {
            let problem = match self.rest().chars().next() {
                None => "a function is missing".to_owned(),
                Some(_) if !name.is_empty() => format!("{} has nothing before it", name.to_uppercase()),
                Some(c) => format!("\"{c}\" begins no function"),
            };
            return self.error_at(start, problem, "write a function such as all() or perm(Builder)");
        }
        let own = self.functions.by_name.get(&name).copied();
        if own.is_none() && !FUNCTIONS.contains(&name.as_str()) {
            return self.error_at(start, format!("there is no lock function \"{name}\""), &self.nearest(&name));
        }
        self.at = start + name.len();
        self.skip_spaces();
        if !self.rest().starts_with('(') {
            return self.error(format!("{name} needs parentheses"), &format!("write {}", usage(&name)));
        }
        self.at += 1;
        let arguments = self.arguments()?;
        match own {
            Some(function) => {
                Ok(Expression::Call(function, arguments.into_iter().map(|(_, argument)| argument).collect()))
            }
            None => self.built_in(&name, arguments),
        }
    }

    fn built_in(&self, name: &str, arguments: Vec<Argument>) -> Result<Expression, LockError> {
        let end = self.at - 1;
        let most = match name {
            "perm" | "id" | "holds" => 1..=1,
            "attr" | "tag" => 1..=2,
            _ => 0..=0,
        };
        if !most.contains(&arguments.len()) {
            let at = arguments.get(*most.end()).map_or(end, |(at, _)| *at);
            let problem = if arguments.len() < *most.start() {
                "an argument is missing"
            } else {
                "there is one argument too many"
            };
            return self.error_at(at, problem.to_owned(), &format!("write {}", usage(name)));
        }
        let mut arguments = arguments.into_iter();
        let (at, first) = arguments.next().unwrap_or((end, String::new()));
        let second = arguments.next().map(|(_, argument)| argument);
        Ok(match name {
            "all" | "true" => Expression::Constant(true),
            "none" | "false" => Expression::Constant(false),
            "self" => Expression::Itself,
            "attr" => Expression::Attribute { key: first, value: second },
            "tag" => Expression::Tag { key: first, category: second },
            "holds" => Expression::Holds(first),
            "id" => match first.trim_start_matches('#').parse() {
                Ok(id) => Expression::Id(EntityId(id)),
                Err(_) => return self.error_at(at, format!("\"{first}\" is no id"), "write a number, as in id(12)"),
            },
            _ => match Permission::parse(&first) {
                Some(least) => Expression::Permission(least),
                None => {
                    let known = Permission::ALL.map(Permission::name).join(", ");
                    let problem = format!("there is no permission \"{first}\"");
                    return self.error_at(at, problem, &format!("there are {known}"));
                }
            },
        })
    }

    /// Reads `argument, …)`; the opening parenthesis is behind us.
    fn arguments(&mut self) -> Result<Vec<Argument>, LockError> {
        let mut arguments = Vec::new();
        loop {
            self.skip_spaces();
            let start = self.at;
            let argument = self.argument()?;
            let quoted = self.source[start..].starts_with('"');
            self.skip_spaces();
            let more = self.rest().starts_with(',');
            if !argument.is_empty() || quoted {
                arguments.push((start, argument));
            } else if more || !arguments.is_empty() {
                return self.error("an argument is empty".to_owned(), "take out a comma, or write \"\"");
            }
            if !more {
                self.expect_closed()?;
                return Ok(arguments);
            }
            self.at += 1;
        }
    }

    fn argument(&mut self) -> Result<String, LockError> {
        let rest = self.rest();
        if let Some(quoted) = rest.strip_prefix('"') {
            let Some((argument, _)) = quoted.split_once('"') else {
                return self.error("a quotation does not end".to_owned(), "close it with \"");
            };
            self.at += argument.len() + 2;
            return Ok(argument.to_owned());
        }
        let length = rest.find([',', '(', ')', '"']).unwrap_or(rest.len());
        self.at += length;
        Ok(rest[..length].trim_end().to_owned())
    }

    fn expect_closed(&mut self) -> Result<(), LockError> {
        self.skip_spaces();
        match self.rest().chars().next() {
            Some(')') => {
                self.at += 1;
                Ok(())
            }
            None => self.error("a parenthesis is not closed".to_owned(), "close it with )"),
            Some(c) => self
                .error(format!("\"{c}\" is not expected here"), "close the parenthesis with ), or quote the argument"),
        }
    }

    /// Takes the operator if it comes next as a word of its own.
    fn take_word(&mut self, operator: &str) -> bool {
        self.skip_spaces();
        let found = self.word().eq_ignore_ascii_case(operator);
        if found {
            self.at += operator.len();
        }
        found
    }

    /// Returns the letters, digits and underscores that come next.
    fn word(&self) -> &'s str {
        let rest = self.rest();
        let length = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
        &rest[..length]
    }

    fn rest(&self) -> &'s str {
        &self.source[self.at..]
    }

    fn skip_spaces(&mut self) {
        self.at = self.source.len() - self.rest().trim_start().len();
    }

    /// Returns the hint for an unknown function.
    fn nearest(&self, name: &str) -> String {
        let known = || FUNCTIONS.into_iter().chain(self.functions.by_name.keys().map(String::as_str));
        match suggest(name, known(), 1).first() {
            Some(near) => format!("did you mean \"{near}\"?"),
            None => format!("there are {}", known().collect::<Vec<_>>().join(", ")),
        }
    }

    fn error<T>(&self, problem: String, hint: &str) -> Result<T, LockError> {
        self.error_at(self.at, problem, hint)
    }

    fn error_at<T>(&self, at: usize, problem: String, hint: &str) -> Result<T, LockError> {
        Err(LockError { column: self.source[..at].chars().count() + 1, problem, hint: hint.to_owned() })
    }
}

/// Wraps several parts; one stays as it is.
fn one_or(mut parts: Vec<Expression>, wrap: fn(Box<[Expression]>) -> Expression) -> Expression {
    match parts.pop() {
        Some(only) if parts.is_empty() => only,
        Some(last) => {
            parts.push(last);
            wrap(parts.into())
        }
        None => wrap(Box::default()),
    }
}

/// Returns how a function is written.
fn usage(name: &str) -> String {
    match name {
        "perm" => "perm(Builder)".to_owned(),
        "id" => "id(12)".to_owned(),
        "attr" => "attr(key) or attr(key, value)".to_owned(),
        "tag" => "tag(key) or tag(key, category)".to_owned(),
        "holds" => "holds(brass key)".to_owned(),
        name => format!("{name}()"),
    }
}
