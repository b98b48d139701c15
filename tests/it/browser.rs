//! A browser without a screen: cookies, forms, one request to a connection.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use everhall::testing::{DEADLINE, TestServer};

/// A browser with its cookies.
pub(super) struct Browser {
    address: SocketAddr,
    pub(super) cookies: BTreeMap<String, String>,
}

/// An answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// Names in lower case.
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: String,
}

impl Answer {
    /// Returns a header; empty if there is none.
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    /// Returns the value of the form's field of that name, as a browser would send it.
    pub(super) fn field(&self, name: &str) -> String {
        let (_, rest) = self.body.split_once(&format!("name=\"{name}\" value=\"")).expect(name);
        rest.split_once('"').expect(name).0.replace("&quot;", "\"").replace("&lt;", "<").replace("&amp;", "&")
    }

    #[track_caller]
    pub(super) fn expect(self, status: u16, text: &str) -> Self {
        assert!(self.status == status && self.body.contains(text), "{status} with {text:?} expected: {self:#?}");
        self
    }

    #[track_caller]
    pub(super) fn expect_redirect(self, to: &str) -> Self {
        assert!(self.status == 303 && self.header("location") == to, "303 to {to} expected: {self:#?}");
        self
    }
}

impl Browser {
    pub(super) fn of(server: &TestServer) -> Self {
        Self { address: server.http_address(), cookies: BTreeMap::new() }
    }

    pub(super) fn get(&mut self, path: &str) -> Answer {
        self.ask("GET", path, "")
    }

    pub(super) fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let mut body = String::new();
        for (name, value) in fields {
            let mut encoded = String::new();
            value.bytes().for_each(|byte| write!(encoded, "%{byte:02X}").unwrap());
            let joint = if body.is_empty() { "" } else { "&" };
            write!(body, "{joint}{name}={encoded}").unwrap();
        }
        self.ask("POST", path, &body)
    }

    /// Loads the page with a form and sends the form, with the hidden token.
    pub(super) fn submit(&mut self, page: &str, path: &str, fields: &[(&str, &str)]) -> Answer {
        let token = self.get(page).field("token");
        self.post(path, &[fields, &[("token", token.as_str())]].concat())
    }

    pub(super) fn log_in(&mut self, name: &str, password: &str) -> Answer {
        self.submit("/admin/login", "/admin/login", &[("name", name), ("password", password)])
    }

    fn ask(&mut self, method: &str, path: &str, body: &str) -> Answer {
        let cookies: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut stream = TcpStream::connect(self.address).expect("the portal listens");
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nCookie: {}\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
            self.address,
            cookies.join("; "),
            body.len(),
        )
        .unwrap();
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).expect("an answer in time");
        let text = String::from_utf8(bytes).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").expect("an answer");
        let mut lines = head.lines();
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let header = |line: &str| line.split_once(": ").map(|(name, value)| (name.to_lowercase(), value.to_owned()));
        let headers: Vec<(String, String)> = lines.filter_map(header).collect();
        for (_, cookie) in headers.iter().filter(|(name, _)| name == "set-cookie") {
            let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
            self.cookies.insert(name.to_owned(), value.to_owned());
            self.cookies.retain(|_, value| !value.is_empty());
        }
        Answer { status, headers, body: body.to_owned() }
    }
}
