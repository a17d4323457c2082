package question

// Worldly reports a question about the world rather than about a rule: how many people, who invented, what things cost on average,
// what somebody earns, what will come, what to buy; or an order to write something. No article of an authority answers it, however
// much it is about the same thing.
func Worldly(text string) bool {
	return has(words(text), `hvor mange mennesker|hvor mange danskere|hvor mange personer|hvor mange borgere|hvor mange i danmark|hvem opfandt|hvem har opfundet|hvem fandt på|hvem grundlagde|
		i gennemsnit|gennemsnitlig|gennemsnitligt|gennemsnittet|i løn|i månedsløn|hvad tjener en|i statistikken|hvorfor hedder|om to år|om tre år|om fem år|om ti år|i fremtiden|hvad synes du|hvad mener du|
		hvad tror du|er det sandt at|how many people|who invented|on average|what does a doctor earn|in the future|do you think|hvilket parti|hvem er minister|hvem er statsminister|
		hvem er gift med|mobil skal jeg købe|bil skal jeg købe|kan du anbefale|kan i anbefale|can you recommend|kan du skrive|vil du skrive|skriv et|skriv en|skriv mig|
		kan du oversætte|oversæt|på landsplan|i hele landet|i hele verden|i verden|hvem er direktør|hvem er direktøren|hvem er formand|hvem er chef for|hvilken kommune har|in the world|write me|can you write|translate|fortæl en|tell me a joke`)
}
