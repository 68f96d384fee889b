//! File attachments of a PDF (ISO 32000-1, 7.11.4), which readers list next to the pages.

use lopdf::{Dictionary, Document, Object, Stream, StringFormat, dictionary};
use serde_json::Value;

use super::PdfError;

const FAILED: PdfError = PdfError("cannot write the attachment");

/// Attaches the JSON to the document and serializes it.
pub fn attach(mut pdf: Document, name: &str, json: &Value) -> Result<Vec<u8>, PdfError> {
    let content = serde_json::to_vec(json).map_err(|_| FAILED)?;
    let text = |text: &str| Object::String(text.as_bytes().to_vec(), StringFormat::Literal);
    let params = dictionary! { "Size" => Object::Integer(i64::try_from(content.len()).map_err(|_| FAILED)?) };
    let file = dictionary! {
        "Type" => "EmbeddedFile", "Subtype" => Object::Name(b"application/json".to_vec()), "Params" => params,
    };
    let mut stream = Stream::new(file, content);
    stream.compress().map_err(|_| FAILED)?;
    let stream = pdf.add_object(stream);
    let spec = pdf.add_object(dictionary! {
        "Type" => "Filespec", "F" => text(name), "UF" => text(name), "Desc" => text("The report as JSON, signed"),
        "AFRelationship" => "Data", "EF" => dictionary! { "F" => stream, "UF" => stream },
    });
    let names = dictionary! { "Names" => vec![text(name), Object::Reference(spec)] };
    let catalog = pdf.catalog_mut().map_err(|_| FAILED)?;
    catalog.set("AF", vec![Object::Reference(spec)]);
    catalog.set("Lang", text("en"));
    match catalog.get_mut(b"Names").and_then(Object::as_dict_mut) {
        Ok(all) => all.set("EmbeddedFiles", names),
        Err(_) => {
            let mut all = Dictionary::new();
            all.set("EmbeddedFiles", names);
            catalog.set("Names", all);
        }
    }
    let mut bytes = Vec::new();
    pdf.save_to(&mut bytes).map_err(|_| FAILED)?;
    Ok(bytes)
}
