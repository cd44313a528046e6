//! How values stand in the columns of the tables.

use rusqlite::ToSql;
use rusqlite::types::{ToSqlOutput, ValueRef};
use wasaga_core::{LabelValue, Timestamp, Wake};

/// A column's text as what it means.
pub(super) fn parsed<T>(row: &rusqlite::Row<'_>, column: usize) -> rusqlite::Result<T>
where
    T: std::str::FromStr<Err: std::error::Error + Send + Sync + 'static>,
{
    let text = row.get_ref(column)?.as_str()?;
    let told = |error| rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, Box::new(error));
    text.parse().map_err(told)
}

/// A time: microseconds since 1970.
pub(super) fn time(at: Option<Timestamp>) -> Option<i64> {
    at.map(micros)
}

/// A wake time: 0 is at once, none is never.
pub(super) fn wake(wake: Wake) -> Option<i64> {
    match wake {
        Wake::Now => Some(0),
        Wake::At(at) => Some(micros(at).max(1)),
        Wake::Never => None,
    }
}

/// The wake time that a column has.
pub(super) fn wake_of(column: Option<i64>) -> Wake {
    match column {
        None => Wake::Never,
        Some(0) => Wake::Now,
        Some(at) => Wake::At(Timestamp::from_unix_us(at as u64)),
    }
}

pub(super) fn micros(at: Timestamp) -> i64 {
    i64::try_from(at.unix_us()).unwrap_or(i64::MAX)
}

/// A label's value. A flag is a blob, so that it is neither a text nor a number.
pub(super) struct Value<'a>(pub(super) &'a LabelValue);

impl ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self.0 {
            LabelValue::Text(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
            LabelValue::Integer(number) => ToSqlOutput::Borrowed(ValueRef::Integer(*number)),
            LabelValue::Flag(true) => ToSqlOutput::Borrowed(ValueRef::Blob(&[1])),
            LabelValue::Flag(false) => ToSqlOutput::Borrowed(ValueRef::Blob(&[0])),
        })
    }
}

/// The label's value that a column has.
pub(super) fn label_of(column: ValueRef<'_>) -> rusqlite::Result<LabelValue> {
    Ok(match column {
        ValueRef::Integer(number) => LabelValue::Integer(number),
        ValueRef::Blob(bytes) => LabelValue::Flag(bytes == [1]),
        text => LabelValue::Text(text.as_str()?.into()),
    })
}

/// The same, for a query that outlives the label.
pub(super) fn owned(value: &LabelValue) -> rusqlite::types::Value {
    match value {
        LabelValue::Text(text) => text.to_string().into(),
        LabelValue::Integer(number) => (*number).into(),
        LabelValue::Flag(flag) => vec![u8::from(*flag)].into(),
    }
}
