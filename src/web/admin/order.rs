//! A form that a keeper sent from our own page.

use std::collections::HashMap;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::error::InternalError;
use actix_web::{FromRequest, HttpRequest, web};

use super::visit::Visit;
use super::{Site, page};

/// Name of the field that proves where a form comes from.
pub(super) const TOKEN_FIELD: &str = "token";

/// A keeper's form. That it exists says that the token was right.
#[derive(Debug)]
pub(super) struct Order {
    /// Who.
    pub visit: Visit,
    fields: Fields,
}

/// The fields of a form.
pub(super) type Fields = HashMap<String, String>;

impl Order {
    /// Returns a field; empty if it is missing.
    pub(super) fn field(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", String::as_str)
    }
}

impl FromRequest for Order {
    type Error = actix_web::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Self::Error>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let request = request.clone();
        let visit = Visit::from_request(&request, &mut Payload::None);
        let fields = web::Form::<Fields>::from_request(&request, payload);
        Box::pin(async move {
            let fields = fields.await;
            let visit = visit.await?;
            let web::Form(fields) = fields?;
            let token = fields.get(TOKEN_FIELD).map_or("", String::as_str);
            let is_ours = request.app_data::<web::Data<Site>>().is_some_and(|site| visit.is_form_token(site, token));
            if !is_ours {
                return Err(InternalError::from_response("not our form", page::foreign_form()).into());
            }
            Ok(Self { visit, fields })
        })
    }
}
