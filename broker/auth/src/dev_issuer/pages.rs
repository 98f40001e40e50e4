use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};

use super::DevPerson;

const STYLE: &str = "body{font:1rem/1.5 system-ui,sans-serif;max-width:36rem;margin:3rem auto;\
padding:0 1rem}button{font:inherit;padding:.5rem 1rem;margin:.25rem 0}";

/// A list of people, each a button of one form; `hidden` goes along with the choice.
pub(super) fn choose(
    title: &str,
    action: &str,
    people: &[DevPerson],
    hidden: &[(&str, &str)],
) -> Response {
    let hidden = hidden.iter().map(|(name, value)| {
        let (name, value) = (escaped(name), escaped(value));
        format!("<input type=\"hidden\" name=\"{name}\" value=\"{value}\">")
    });
    let buttons = people.iter().map(|person| {
        format!(
            "<p><button name=\"subject\" value=\"{}\">{}</button> {}</p>",
            escaped(&person.subject),
            escaped(&person.name),
            escaped(&person.email),
        )
    });
    let form = format!(
        "<form method=\"post\" action=\"{action}\">{}<p><button name=\"subject\" value=\"\">Refuse\
         </button></p></form>",
        hidden.chain(buttons).collect::<String>(),
    );
    page(StatusCode::OK, title, &form)
}

pub(super) fn ask_user_code() -> Response {
    let form = "<form method=\"get\" action=\"/device\"><label for=\"user_code\">Code shown in the terminal</label> \
        <input id=\"user_code\" name=\"user_code\" autocomplete=\"off\" required> <button>Continue</button></form>";
    page(StatusCode::OK, "Sign in a device", form)
}

pub(super) fn said(title: &str, text: &str) -> Response {
    page(StatusCode::OK, title, &format!("<p>{}</p>", escaped(text)))
}

pub(super) fn refused(text: &str) -> Response {
    page(
        StatusCode::BAD_REQUEST,
        "Not possible",
        &format!("<p role=\"alert\">{}</p>", escaped(text)),
    )
}

fn page(status: StatusCode, title: &str, body: &str) -> Response {
    let title = escaped(title);
    let html = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>{title}</title>\
         <style>{STYLE}</style><main><h1>{title}</h1>{body}<p>Development issuer: no passwords, \
         this machine only.</p></main></html>"
    );
    (status, Html(html)).into_response()
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}
