//! Two functions of `wasi:http` under a limit: the host keeps what they are given for as long as the guest keeps the request,
//! and a method or an authority of eight megabytes is a way around the limit of the guest's own memory. The other texts of
//! a request have limits of their own in the crate that implements them.

use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, Resource};
use wasmtime_wasi_http::WasiHttpView as _;
use wasmtime_wasi_http::p2::bindings::http::types::{HostOutgoingRequest as _, Method};
use wasmtime_wasi_http::p2::types::HostOutgoingRequest;

use crate::state::State;

/// The interface, as the crate that implements it names it.
const TYPES: &str = "wasi:http/types@0.2.12";
/// Bytes of a method: the longest that is registered has 17.
const METHOD_BYTES_MAX: usize = 64;
/// Bytes of a host with its port: a name of DNS has 253.
const AUTHORITY_BYTES_MAX: usize = 512;

type Request = Resource<HostOutgoingRequest>;
/// What the guest is told.
type Told = (Result<(), ()>,);

/// Puts them in the place of those that have no limit.
pub(crate) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    let mut types = linker.instance(TYPES)?;
    types.func_wrap("[method]outgoing-request.set-method", set_method)?;
    types.func_wrap("[method]outgoing-request.set-authority", set_authority)?;
    linker.allow_shadowing(false);
    Ok(())
}

fn set_method(mut store: StoreContextMut<'_, State>, (request, method): (Request, Method)) -> wasmtime::Result<Told> {
    if matches!(&method, Method::Other(text) if text.len() > METHOD_BYTES_MAX) {
        return Ok((Err(()),));
    }
    Ok((store.data_mut().http().set_method(request, method)?,))
}

fn set_authority(
    mut store: StoreContextMut<'_, State>,
    (request, authority): (Request, Option<String>),
) -> wasmtime::Result<Told> {
    if authority.as_ref().is_some_and(|text| text.len() > AUTHORITY_BYTES_MAX) {
        return Ok((Err(()),));
    }
    Ok((store.data_mut().http().set_authority(request, authority)?,))
}
