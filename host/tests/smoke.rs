use std::sync::Arc; use std::time::{Duration, Instant};
use masker::{wasm::Wasm, keys::SecretKey, passes::Message, sensitive::SensitiveText};
#[test] fn smoke() {
    let dir = std::env::temp_dir().join("masker-smoke");
    let wasm = Wasm::start(dir, &SecretKey::new([1;32]), 2).unwrap();
    let t = Instant::now();
    let plugin = wasm.inspect(std::fs::read("/tmp/pt/regex.wasm").unwrap()).unwrap();
    println!("{:?} {:?}", plugin.manifest, t.elapsed());
    let t = Instant::now();
    let pass = wasm.prepare(&plugin, "{}", &[]).unwrap();
    println!("prepared {:?}", t.elapsed());
    let m = [Message{role:"user", text: Arc::new(SensitiveText::from("I am Alice")), search:true}];
    for _ in 0..3 { let t = Instant::now(); let r = pass.run(&m, &[], Duration::from_millis(100)); println!("{r:?} {:?}", t.elapsed()); }
    let t = Instant::now(); for _ in 0..1000 { pass.run(&m, &[], Duration::from_millis(100)).unwrap(); } println!("avg {:?}", t.elapsed()/1000);
}
