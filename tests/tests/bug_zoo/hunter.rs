//! Runs seeds until one violates an invariant, with the mutant awake that the environment names.

fn main() {
    let mut numbers = std::env::args().skip(1).map(|argument| argument.parse().expect("a number"));
    let (first_seed, seeds) = (numbers.next().expect("the first seed"), numbers.next().expect("how many"));
    if let Some(failure) = redlock_simulator::hunt(first_seed, seeds) {
        println!("{} {}", failure.seed, failure.violation.invariant);
    }
}
