use redlock_tokio::Redlock;
use std::time::Duration;
#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let urls: Vec<String> = std::env::args().skip(1).collect();
    let redlock = if std::env::var("REDIS").is_ok() {
        Redlock::builder().nodes(urls.iter().map(redlock_tokio::RedisUrl)).build()?
    } else {
        Redlock::builder().nodes(&urls).build()?
    };
    let guard = redlock.lock("invoice:7", Duration::from_secs(10)).await?;
    println!("held {:?}", guard.remaining());
    println!("{}", guard.release().await);
    let g = redlock.lock_all(["a", "b"], Duration::from_secs(10)).await?;
    println!("{}", g.release().await);
    let n: u32 = 20000;
    let t = std::time::Instant::now();
    for _ in 0..n {
        let g = redlock.lock("x", Duration::from_secs(10)).await?;
        let _ = g.release().await;
    }
    println!("pair {:?}", t.elapsed() / n);
    let t = std::time::Instant::now();
    let tasks: Vec<_> = (0..64)
        .map(|i| {
            let r = redlock.clone();
            tokio::spawn(async move {
                for _ in 0..2000 {
                    let g = r.lock(format!("x{i}"), Duration::from_secs(10)).await.unwrap();
                    let _ = g.release().await;
                }
            })
        })
        .collect();
    for t in tasks {
        t.await?;
    }
    println!("W2/64 {:.0} pairs/s", 64.0 * 2000.0 / t.elapsed().as_secs_f64());
    Ok(())
}
