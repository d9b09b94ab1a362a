//! Answers and refusals as HTTP.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};

use http::{Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full, combinators::UnsyncBoxBody};
use hyper::body::{Body as HttpBody, Bytes, Frame, SizeHint};
use serde_json::Value;

use super::guests::Mark;
use crate::rehearsal::{
    answer::{Answer, Failure},
    packed,
};

/// What is sent.
pub type Body = UnsyncBoxBody<Bytes, Infallible>;

/// A body whose connection is at work until it has been sent.
pub struct Kept {
    body: Body,
    _mark: Mark,
}

impl Kept {
    /// Keeps the mark with the body.
    pub fn new(body: Body, mark: Mark) -> Self {
        Self { body, _mark: mark }
    }
}

impl HttpBody for Kept {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// An answer of the cluster.
pub fn shape(answer: Answer) -> Response<Body> {
    match answer {
        Answer::Object {
            code,
            object,
            warnings,
        } => {
            let code = StatusCode::from_u16(code).unwrap_or(StatusCode::OK);
            let mut response = json(code, &object);
            for warning in warnings {
                let shown = format!("299 - {}", Value::from(warning));
                if let Ok(value) = header::HeaderValue::from_str(&shown) {
                    response.headers_mut().append(header::WARNING, value);
                }
            }
            response
        }
        Answer::List(list) => respond(StatusCode::OK, "application/json", list.text().into()),
        Answer::Json(value) => json(StatusCode::OK, &value),
        Answer::Text(lines) => text(lines),
    }
}

/// A refusal, with the pause that it asks for.
pub fn refusal(failure: &Failure) -> Response<Body> {
    let code = StatusCode::from_u16(failure.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = json(code, &failure.body());
    if let Some(seconds) = failure
        .details
        .get("retryAfterSeconds")
        .and_then(Value::as_u64)
    {
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, seconds.into());
    }
    response
}

/// A value as JSON.
pub fn json(code: StatusCode, value: &Value) -> Response<Body> {
    respond(code, "application/json", Bytes::from(packed::text(value)))
}

/// A text.
pub fn text(text: String) -> Response<Body> {
    respond(
        StatusCode::OK,
        "text/plain; charset=utf-8",
        Bytes::from(text),
    )
}

/// Bytes of a media type.
pub fn respond(code: StatusCode, kind: &'static str, bytes: Bytes) -> Response<Body> {
    typed(code, kind, Full::new(bytes).boxed_unsync())
}

/// A body of a media type.
pub fn typed(code: StatusCode, kind: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = code;
    let value = header::HeaderValue::from_static(kind);
    response.headers_mut().insert(header::CONTENT_TYPE, value);
    response
}
